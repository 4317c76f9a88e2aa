import {
    useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore,
} from 'react';

import type { Api, Person } from './api';
import type { Auth } from './auth';
import { ServicesContext, type Services } from './context';
import { forgetDrafts } from './drafts';
import { ConfirmPage } from './pages/ConfirmPage';
import { FeedPage } from './pages/FeedPage';
import { ProfilePage } from './pages/ProfilePage';
import { SignInPage } from './pages/SignInPage';
import { SignUpPage } from './pages/SignUpPage';
import { UserPage } from './pages/UserPage';
import { Avatar } from './parts/Avatar';
import { Link, navigate, parseRoute, type Route, usePath } from './router';

export function App(
    { api, auth, assetsUrl }: { api: Api; auth: Auth; assetsUrl: string },
) {
    const path = usePath();
    const [viewer, setViewer] = useState<Person | null>(null);
    const user = useSyncExternalStore(auth.subscribe, auth.who);
    const ended = useSyncExternalStore(auth.subscribe, auth.ended);
    const [turn, setTurn] = useState(0);

    const refresh = useCallback(() => { setTurn((n) => n + 1); }, []);

    useEffect(() => {
        let current = true;
        const asked = user !== null
            ? api.profile().catch(() => null) : Promise.resolve(null);

        void asked.then((person) => {
            if (current) {
                setViewer(person);
            }
        });

        return () => { current = false; };
    }, [api, user, turn]);

    const services = useMemo<Services>(() => ({
        api, auth, viewer, user, signedIn: user !== null, setViewer, refresh,
        pictureUrl: (path: string) => new URL(path, `${assetsUrl}/`).href,
    }), [api, auth, assetsUrl, viewer, user, refresh]);

    return (
        <ServicesContext value={services}>
            <a className="skip" href="#main">Skip to the content</a>
            <Header services={services} />
            <Ended ended={ended && path !== '/signin'} />
            <Main path={path} />
        </ServicesContext>
    );
}

function Header({ services }: { services: Services }) {
    const { api, auth, signedIn, viewer } = services;

    const signOut = () => {
        void auth.signOut(() => api.logout()).then(() => {
            forgetDrafts();
            navigate('/');
        });
    };

    return (
        <header className="top">
            <nav aria-label="Main">
                <Link className="brand" href="/">Plaza</Link>
                {signedIn ? (
                    <>
                        <Link className="me" href="/profile">
                            {viewer && <Avatar person={viewer} size={28} />}
                            <span>Profile</span>
                        </Link>
                        <button type="button" className="quiet"
                            onClick={signOut}>
                            Sign out
                        </button>
                    </>
                ) : (
                    <>
                        <Link href="/signin">Sign in</Link>
                        <Link className="button" href="/signup">Sign up</Link>
                    </>
                )}
            </nav>
        </header>
    );
}

/* The session was revoked elsewhere, or has expired. */

function Ended({ ended }: { ended: boolean }) {
    const path = usePath();

    return (
        <div className="ended" role="status">
            {ended && (
                <p className="notice">
                    Your session has ended.{' '}
                    <Link href={`/signin?next=${encodeURIComponent(path)}`}>
                        Sign in again
                    </Link>
                    : what you have written is kept.
                </p>
            )}
        </div>
    );
}

function Main({ path }: { path: string }) {
    const main = useRef<HTMLElement>(null);
    const first = useRef(true);

    // a screen reader and the keyboard go on from the new page's top

    useEffect(() => {
        if (first.current) {
            first.current = false;
            return;
        }

        main.current?.focus();
    }, [path]);

    return (
        <main id="main" className="page" ref={main} tabIndex={-1}>
            <Page route={parseRoute(path)} />
        </main>
    );
}

function Page({ route }: { route: Route }) {
    switch (route.page) {
    case 'feed': return <FeedPage />;
    case 'signup': return <SignUpPage />;
    case 'confirm': return <ConfirmPage />;
    case 'signin': return <SignInPage />;
    case 'profile': return <ProfilePage />;
    case 'user': return <UserPage key={route.handle} handle={route.handle} />;
    case 'missing': return (
        <>
            <title>Not found – Plaza</title>
            <h1>Not found</h1>
            <p>There is no page here. <Link href="/">Go to the feed</Link>.</p>
        </>
    );
    }
}
