import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { Api, sentence } from './api';
import { App } from './App';
import { Auth } from './auth';
import { loadConfig } from './config';
import './styles.css';

const element = document.getElementById('root');

if (element === null) {
    throw new Error('the page has no place for the app');
}

const root = createRoot(element);

try {
    const config = await loadConfig();
    const auth = new Auth(config.cognito);
    const api = new Api(config.apiUrl, () => auth.token(), undefined,
        (token) => { auth.refused(token); });

    root.render(
        <StrictMode>
            <App api={api} auth={auth} assetsUrl={config.assetsUrl} />
        </StrictMode>,
    );
} catch (error) {
    root.render(
        <main className="page">
            <h1>This page cannot start</h1>
            <p role="alert">
                {sentence(error instanceof Error ? error.message : '')}
            </p>
            <button type="button" onClick={() => { location.reload(); }}>
                Try again
            </button>
        </main>,
    );
}
