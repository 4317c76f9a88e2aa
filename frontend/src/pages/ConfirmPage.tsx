import { type SyntheticEvent, useState } from 'react';

import { useServices } from '../context';
import { Field } from '../parts/Field';
import { Notice } from '../parts/Notice';
import { navigate } from '../router';

export function ConfirmPage() {
    const { auth } = useServices();
    const [email, setEmail] = useState(
        () => new URLSearchParams(location.search).get('email') ?? '');
    const [code, setCode] = useState('');
    const [error, setError] = useState<Error | null>(null);
    const [said, setSaid] = useState('');
    const [busy, setBusy] = useState(false);

    const act = (work: Promise<void>, done: () => void) => {
        setBusy(true);
        setError(null);
        setSaid('');
        work.then(done, (reason: unknown) => { setError(reason as Error); })
            .finally(() => { setBusy(false); });
    };

    const submit = (event: SyntheticEvent) => {
        event.preventDefault();
        act(auth.confirm(email.trim(), code.trim()), () => {
            navigate(`/signin?email=${encodeURIComponent(email.trim())}`);
        });
    };

    return (
        <>
            <title>Confirm – Plaza</title>
            <h1>Confirm your address</h1>
            <form className="card" onSubmit={submit}>
                <Field label="E-mail" name="email" type="email" required
                    autoComplete="username" value={email}
                    onChange={(event) => { setEmail(event.target.value); }} />
                <Field label="Code" name="code" required inputMode="numeric"
                    autoComplete="one-time-code" value={code}
                    hint="We have sent it to your address."
                    onChange={(event) => { setCode(event.target.value); }} />
                <div className="row">
                    <button type="button" className="quiet"
                        disabled={busy || email === ''}
                        onClick={() => {
                            act(auth.resend(email.trim()), () => {
                                setSaid('A new code is on its way.');
                            });
                        }}>
                        Send a new code
                    </button>
                    <button disabled={busy}>Confirm</button>
                </div>
                <p className="hint" role="status">{said}</p>
                <Notice error={error} />
            </form>
        </>
    );
}
