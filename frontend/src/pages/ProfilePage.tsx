import { type SyntheticEvent, useCallback, useState } from 'react';

import { ApiError, type Editable, type OwnProfile } from '../api';
import { useServices } from '../context';
import { useDraft } from '../drafts';
import { editable, merge } from '../merge';
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
                    <Link href="/signin?next=/profile">Sign in</Link>
                    {' '}to see your profile.
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

type Draft = Editable & { base: Editable; version: string };

function unchanged(profile: OwnProfile): Draft {
    const base = editable(profile);

    return { ...base, base, version: profile.version };
}

const names: Record<keyof Editable, string> = {
    displayName: 'Name', handle: 'Handle', bio: 'About you',
};

function Edit({ profile, onSaved }: {
    profile: OwnProfile;
    onSaved: (saved: OwnProfile) => void;
}) {
    const { api, user } = useServices();

    // what was changed, and of which profile: both outlive a reload

    const [draft, setDraft] = useDraft<Draft>(
        user, 'profile', unchanged(profile));
    const { base, ...form } = draft;
    const [error, setError] = useState<Error | null>(null);
    const [clash, setClash] = useState<(keyof Editable)[]>([]);
    const [said, setSaid] = useState('');
    const [busy, setBusy] = useState(false);

    const fields = error instanceof ApiError ? error.fields : {};
    const setForm = (change: Partial<Editable>) => {
        setDraft({ ...draft, ...change });
    };

    /*
     * What was changed elsewhere stays: both changes are put together, and
     * only where they are of the same field the person has to decide.
     */

    const save = async (change: Draft): Promise<void> => {
        const { base: seen, version: of, ...mine } = change;

        try {
            const saved = await api.saveProfile(mine, of);

            onSaved(saved);
            setDraft(unchanged(saved), true);
            setSaid('Saved.');

        } catch (reason) {
            if (!(reason instanceof ApiError) || reason.status !== 412) {
                throw reason;
            }

            const theirs = await api.profile();
            const found = merge(seen, mine, editable(theirs));
            const next = { ...unchanged(theirs), ...found.merged };

            if (found.clash.length === 0 && next.version !== of) {
                await save(next);
                return;
            }

            setDraft(next);
            setClash(found.clash);
        }
    };

    const submit = (event: SyntheticEvent) => {
        event.preventDefault();
        setBusy(true);
        setError(null);
        setClash([]);
        setSaid('');

        save(draft)
            .catch((reason: unknown) => { setError(reason as Error); })
            .finally(() => { setBusy(false); });
    };

    return (
        <form className="card" onSubmit={submit}>
            {profile.email !== null && (
                <p className="hint">Signed in as {profile.email}</p>
            )}
            <Field label="Name" value={form.displayName} maxLength={80}
                autoComplete="name" required error={fields['displayName']}
                onChange={(event) => {
                    setForm({ displayName: event.target.value });
                }} />
            <Field label="Handle" value={form.handle} maxLength={32}
                autoComplete="nickname" required autoCapitalize="none"
                spellCheck={false} error={fields['handle']}
                hint={`${profile.handleMadeUp
                    ? 'This one was made up for you: choose your own. ' : ''
                }Letters, digits, dots, dashes and underscores.`}
                onChange={(event) => {
                    setForm({ handle: event.target.value });
                }} />
            <TextArea label="About you" value={form.bio} rows={3}
                maxLength={500} error={fields['bio']}
                onChange={(event) => {
                    setForm({ bio: event.target.value });
                }} />
            <div className="row">
                <span className="hint" role="status">{said}</span>
                <button disabled={busy}>Save</button>
            </div>
            {Object.keys(fields).length === 0 && <Notice error={error} />}
            <div role="alert">
                {clash.length > 0 && (
                    <p className="notice bad">
                        This was changed elsewhere meanwhile:
                        {clash.map((name) => (
                            <span key={name} className="clash">
                                {names[name]}: <q><bdi>{base[name]}</bdi></q>
                            </span>
                        ))}
                        Save again to have yours in place of it.
                    </p>
                )}
            </div>
        </form>
    );
}
