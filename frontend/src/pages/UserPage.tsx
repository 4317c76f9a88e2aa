import { useCallback } from 'react';

import { ApiError } from '../api';
import { useServices } from '../context';
import { Activities } from '../parts/Activities';
import { Avatar } from '../parts/Avatar';
import { Notice } from '../parts/Notice';
import { Link } from '../router';
import { useLoad } from '../useLoad';

export function UserPage({ handle }: { handle: string }) {
    const { api } = useServices();
    const load = useCallback(() => api.user(handle), [api, handle]);
    const found = useLoad(load);

    if (found.error instanceof ApiError && found.error.status === 404) {
        return (
            <>
                <title>Not found – Plaza</title>
                <h1>Nobody is called @{handle}</h1>
                <p><Link href="/">Go to the feed</Link></p>
            </>
        );
    }

    if (found.value === null) {
        return (
            <>
                <h1>@{handle}</h1>
                {found.error === null
                    ? <p className="hint">Loading…</p>
                    : <Notice error={found.error} retry={found.reload} />}
            </>
        );
    }

    const { user, activities } = found.value;

    return (
        <>
            <title>{`${user.displayName} – Plaza`}</title>
            <div className="person">
                <Avatar person={user} size={96} />
                <div>
                    <h1><bdi>{user.displayName}</bdi></h1>
                    <p className="hint">@{user.handle}</p>
                </div>
            </div>
            {user.bio !== '' && (
                <p className="bio" dir="auto">{user.bio}</p>
            )}
            <h2>Activity</h2>
            <Activities list={activities}
                empty={`${user.displayName} has not written anything yet.`} />
        </>
    );
}
