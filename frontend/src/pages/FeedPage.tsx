import { type SyntheticEvent, useCallback, useState } from 'react';

import { ApiError } from '../api';
import { useServices } from '../context';
import { useDraft } from '../drafts';
import { sending } from '../ids';
import { Activities } from '../parts/Activities';
import { TextArea } from '../parts/Field';
import { Notice } from '../parts/Notice';
import { Link } from '../router';
import { useLoad } from '../useLoad';

const longest = 280;

/* Who looks matters to the answer, so a sign-out loads it again. */

export function FeedPage() {
    const { user } = useServices();

    return <Feed key={user ?? ''} />;
}

function Feed() {
    const { api, signedIn } = useServices();
    const load = useCallback(() => api.home(), [api]);
    const home = useLoad(load);

    return (
        <>
            <title>Plaza</title>
            <h1>Feed</h1>
            {signedIn
                ? <Compose onPosted={home.reload} />
                : (
                    <p className="card welcome">
                        <span>
                            Everyone can read.{' '}
                            <Link href="/signin">Sign in</Link> or{' '}
                            <Link href="/signup">sign up</Link> to write.
                        </span>
                    </p>
                )}
            <Notice error={home.error} retry={home.reload} />
            {home.value === null
                ? home.error === null && <p className="hint">Loading…</p>
                : <Activities list={home.value.activities}
                    empty="Nobody has written anything yet." />}
        </>
    );
}

/* With the id that the text was sent with, if there was no answer. */

const nothing = { message: '', text: '', id: '' };

function Compose({ onPosted }: { onPosted: () => void }) {
    const { api, user } = useServices();
    const [draft, setDraft] = useDraft(user, 'post', nothing);
    const { message } = draft;
    const [error, setError] = useState<Error | null>(null);
    const [busy, setBusy] = useState(false);

    const length = Array.from(message.trim()).length;
    const left = longest - length;

    const submit = (event: SyntheticEvent) => {
        event.preventDefault();
        setBusy(true);
        setError(null);

        const sent = sending(message.trim(), draft);

        setDraft({ message, ...sent });

        api.post(sent.text, sent.id).then(
            () => {
                setDraft(nothing, true);
                onPosted();
            },
            (reason: unknown) => { setError(reason as Error); },
        ).finally(() => { setBusy(false); });
    };

    const wrong = error instanceof ApiError
        ? error.fields['message'] : undefined;

    return (
        <form className="card compose" onSubmit={submit}>
            <TextArea label="What is on your mind?" value={message} rows={3}
                error={wrong}
                onChange={(event) => {
                    setDraft({ ...draft, message: event.target.value });
                }} />
            <div className="row">
                <span className={left < 0 ? 'error' : 'hint'}
                    aria-live={left < 20 ? 'polite' : 'off'}>
                    {left} left
                </span>
                <button disabled={busy || length === 0 || left < 0}>
                    Post
                </button>
            </div>
            {wrong === undefined && <Notice error={error} />}
        </form>
    );
}
