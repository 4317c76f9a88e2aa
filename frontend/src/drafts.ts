/*
 * What somebody is writing, kept until it has arrived: by this tab, so that a
 * reload, another page or the end of a session does not lose it, and by user,
 * so that nobody else finds it.
 */

import { useCallback, useState } from 'react';

const prefix = 'draft:';

type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

export function draftKey(user: string, name: string): string {
    return `${prefix}${encodeURIComponent(user)}:${name}`;
}

/* null: there is none, or what is there is not what "like" is. */

export function readDraft<T extends object>(
    key: string, like: T, store: Store = sessionStorage,
): T | null {
    try {
        const given: unknown = JSON.parse(store.getItem(key) ?? 'null');

        if (typeof given !== 'object' || given === null) {
            return null;
        }

        const object = given as Record<string, unknown>;

        return Object.entries(like).every(([name, value]) =>
            typeof object[name] === typeof value) ? given as T : null;
    } catch {
        return null;
    }
}

export function writeDraft(
    key: string, value: object | null, store: Store = sessionStorage,
): void {
    try {
        if (value === null) {
            store.removeItem(key);
        } else {
            store.setItem(key, JSON.stringify(value));
        }
    } catch {
        // no room, or not allowed: it is in the page still
    }
}

/* Of everybody, when somebody leaves. */

export function forgetDrafts(
    store: Storage = sessionStorage,
): void {
    try {
        for (const key of Object.keys(store)) {
            if (key.startsWith(prefix)) {
                store.removeItem(key);
            }
        }
    } catch {
        // not allowed, so that there are none
    }
}

/* A state that is kept, until it is set to what has arrived. */

export function useDraft<T extends object>(
    user: string | null, name: string, first: T,
): [T, (value: T, arrived?: boolean) => void] {
    const key = draftKey(user ?? '', name);
    const [value, setValue] = useState<T>(
        () => readDraft(key, first) ?? first);

    const set = useCallback((next: T, arrived = false) => {
        setValue(next);
        writeDraft(key, arrived ? null : next);
    }, [key]);

    return [value, set];
}
