/* Two changes of one profile, neither of which is to be lost. */

import type { Editable, OwnProfile } from './api';

export function editable(profile: OwnProfile): Editable {
    const { handle, displayName, bio } = profile;

    return { handle, displayName, bio };
}

/*
 * Somebody changed "base" to "mine" while it became "theirs".  What only one
 * of them has changed is taken from that one; "clash" names what both have
 * changed to something else, which is mine in the result.
 */

export function merge(
    base: Editable, mine: Editable, theirs: Editable,
): { merged: Editable; clash: (keyof Editable)[] } {
    const merged = { ...theirs };
    const clash: (keyof Editable)[] = [];

    for (const name of ['handle', 'displayName', 'bio'] as const) {
        if (mine[name] === base[name]) {
            continue;
        }

        if (theirs[name] !== base[name] && theirs[name] !== mine[name]) {
            clash.push(name);
        }

        merged[name] = mine[name];
    }

    return { merged, clash };
}
