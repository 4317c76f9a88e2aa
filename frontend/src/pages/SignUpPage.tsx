import { type SyntheticEvent, useState } from 'react';

import { useServices } from '../context';
import { Field } from '../parts/Field';
import { Notice } from '../parts/Notice';
import { Link, navigate } from '../router';

export function SignUpPage() {
    const { auth } = useServices();
    const [error, setError] = useState<Error | null>(null);
    const [busy, setBusy] = useState(false);

    const submit = (event: SyntheticEvent<HTMLFormElement>) => {
        event.preventDefault();

        const data = new FormData(event.currentTarget);
        const text = (name: string) => {
            const value = data.get(name);
            return typeof value === 'string' ? value : '';
        };
        const email = text('email').trim();

        setBusy(true);
        setError(null);

        auth.signUp({
            email,
            password: text('password'),
            name: text('name').trim(),
            handle: text('handle').trim(),
        }).then(
            () => { navigate(`/confirm?email=${encodeURIComponent(email)}`); },
            (reason: unknown) => { setError(reason as Error); },
        ).finally(() => { setBusy(false); });
    };

    return (
        <>
            <title>Sign up – Plaza</title>
            <h1>Sign up</h1>
            <form className="card" onSubmit={submit}>
                <Field label="Name" name="name" autoComplete="name" required
                    maxLength={80} />
                <Field label="Handle" name="handle" autoComplete="nickname"
                    required maxLength={32} autoCapitalize="none"
                    spellCheck={false} pattern="[A-Za-z0-9_][A-Za-z0-9_.\-]*"
                    title="Letters, digits, dots, dashes and underscores"
                    hint="Your address here: letters, digits, dots, dashes." />
                <Field label="E-mail" name="email" type="email"
                    autoComplete="username" required />
                <Field label="Password" name="password" type="password"
                    autoComplete="new-password" required minLength={8}
                    hint="Eight characters or more." />
                <div className="row">
                    <span />
                    <button disabled={busy}>Sign up</button>
                </div>
                <Notice error={error} />
            </form>
            <p>
                Here already? <Link href="/signin">Sign in</Link>.{' '}
                Got a code? <Link href="/confirm">Confirm your address</Link>.
            </p>
        </>
    );
}
