import { type SyntheticEvent, useCallback, useState } from 'react';

import { ApiError, type OwnProfile } from '../api';
import { useServices } from '../context';
import { Avatar } from '../parts/Avatar';
import { AvatarUpload } from '../parts/AvatarUpload';
import { Field, TextArea } from '../parts/Field';
import { Notice } from '../parts/Notice';
import { Link } from '../router';
import { useLoad } from '../useLoad';

export function ProfilePage() {
    const { api, refresh, setViewer, signedIn } = useServices();
    const load = useCallback(() => api.profile(), [api]);
    const { value: profile, error, reload, set } = useLoad(load);

    if (!signedIn) {
        return (
            <>
                <title>Profile – Plaza</title>
                <h1>Profile</h1>
                <p>
                    <Link href="/signin">Sign in</Link> to see your profile.
                </p>
            </>
        );
    }

    if (profile === null) {
        return (
            <>
                <title>Profile – Plaza</title>
                <h1>Profile</h1>
                {error === null
                    ? <p className="hint">Loading…</p>
                    : <Notice error={error} retry={reload} />}
            </>
        );
    }

    return (
        <>
            <title>Profile – Plaza</title>
            <h1>Profile</h1>
            <section className="card person" aria-label="Picture">
                <Avatar person={profile} size={128} />
                <AvatarUpload onReady={() => { reload(); refresh(); }} />
            </section>
            <Edit profile={profile} onSaved={(saved) => {
                set(saved);
                setViewer(saved);
            }} />
            <p>
                <Link href={`/@${profile.handle}`}>
                    See your page as others do
                </Link>
            </p>
        </>
    );
}

function Edit({ profile, onSaved }: {
    profile: OwnProfile;
    onSaved: (saved: OwnProfile) => void;
}) {
    const { api } = useServices();
    const [form, setForm] = useState({
        displayName: profile.displayName,
        handle: profile.handle,
        bio: profile.bio,
    });
    const [error, setError] = useState<Error | null>(null);
    const [said, setSaid] = useState('');
    const [busy, setBusy] = useState(false);

    const fields = error instanceof ApiError ? error.fields : {};

    const submit = (event: SyntheticEvent) => {
        event.preventDefault();
        setBusy(true);
        setError(null);
        setSaid('');

        api.saveProfile(form).then(
            (saved) => {
                onSaved(saved);
                setSaid('Saved.');
            },
            (reason: unknown) => { setError(reason as Error); },
        ).finally(() => { setBusy(false); });
    };

    return (
        <form className="card" onSubmit={submit}>
            {profile.email !== null && (
                <p className="hint">Signed in as {profile.email}</p>
            )}
            <Field label="Name" value={form.displayName} maxLength={80}
                autoComplete="name" required error={fields['displayName']}
                onChange={(event) => {
                    setForm({ ...form, displayName: event.target.value });
                }} />
            <Field label="Handle" value={form.handle} maxLength={32}
                autoComplete="nickname" required autoCapitalize="none"
                spellCheck={false} error={fields['handle']}
                hint={`${profile.handleMadeUp
                    ? 'This one was made up for you: choose your own. ' : ''
                }Letters, digits, dots, dashes and underscores.`}
                onChange={(event) => {
                    setForm({ ...form, handle: event.target.value });
                }} />
            <TextArea label="About you" value={form.bio} rows={3}
                maxLength={500} error={fields['bio']}
                onChange={(event) => {
                    setForm({ ...form, bio: event.target.value });
                }} />
            <div className="row">
                <span className="hint" role="status">{said}</span>
                <button disabled={busy}>Save</button>
            </div>
            {Object.keys(fields).length === 0 && <Notice error={error} />}
        </form>
    );
}
