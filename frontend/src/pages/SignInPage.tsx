import { type SyntheticEvent, useState } from 'react';

import { AuthError } from '../auth';
import { useServices } from '../context';
import { Field } from '../parts/Field';
import { Notice } from '../parts/Notice';
import { Link, navigate, nextPath } from '../router';

export function SignInPage() {
    const { auth } = useServices();
    const [email, setEmail] = useState(
        () => new URLSearchParams(location.search).get('email') ?? '');
    const [password, setPassword] = useState('');
    const [error, setError] = useState<Error | null>(null);
    const [busy, setBusy] = useState(false);

    const submit = (event: SyntheticEvent) => {
        event.preventDefault();
        setBusy(true);
        setError(null);

        auth.signIn(email.trim(), password).then(
            () => {
                navigate(nextPath(location.search));
            },
            (reason: unknown) => { setError(reason as Error); },
        ).finally(() => { setBusy(false); });
    };

    const unconfirmed = error instanceof AuthError
        && error.code === 'UserNotConfirmedException';

    return (
        <>
            <title>Sign in – Plaza</title>
            <h1>Sign in</h1>
            <form className="card" onSubmit={submit}>
                <Field label="E-mail" name="email" type="email" required
                    autoComplete="username" value={email}
                    onChange={(event) => { setEmail(event.target.value); }} />
                <Field label="Password" name="password" type="password"
                    required autoComplete="current-password" value={password}
                    onChange={(event) => { setPassword(event.target.value); }}
                />
                <div className="row">
                    <span />
                    <button disabled={busy}>Sign in</button>
                </div>
                <Notice error={error} />
                {unconfirmed && (
                    <p>
                        <Link href={'/confirm?email='
                            + encodeURIComponent(email.trim())}>
                            Confirm your address
                        </Link>
                    </p>
                )}
            </form>
            <p>New here? <Link href="/signup">Sign up</Link>.</p>
        </>
    );
}
