/* Pages by address, with the browser's own history. */

import {
    type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore,
} from 'react';

export type Route =
    | { page: 'feed' }
    | { page: 'signup' }
    | { page: 'confirm' }
    | { page: 'signin' }
    | { page: 'profile' }
    | { page: 'user'; handle: string }
    | { page: 'missing' };

const changed = 'app:navigate';

export function parseRoute(path: string): Route {
    switch (path.replace(/\/+$/, '')) {
    case '': return { page: 'feed' };
    case '/signup': return { page: 'signup' };
    case '/confirm': return { page: 'confirm' };
    case '/signin': return { page: 'signin' };
    case '/profile': return { page: 'profile' };
    }

    const handle = /^\/@([^/]+)\/?$/.exec(path)?.[1];

    if (handle === undefined) {
        return { page: 'missing' };
    }

    try {
        return { page: 'user', handle: decodeURIComponent(handle) };
    } catch {
        return { page: 'missing' };
    }
}

/* Where "next" of a query leads: a page of ours, or the feed. */

export function nextPath(search: string): string {
    const next = new URLSearchParams(search).get('next') ?? '/';

    return /^\/(?![/\\])/.test(next) ? next : '/';
}

export function navigate(path: string): void {
    history.pushState(null, '', path);
    scrollTo(0, 0);
    dispatchEvent(new Event(changed));
}

function subscribe(listener: () => void): () => void {
    addEventListener('popstate', listener);
    addEventListener(changed, listener);

    return () => {
        removeEventListener('popstate', listener);
        removeEventListener(changed, listener);
    };
}

export function usePath(): string {
    return useSyncExternalStore(
        subscribe, () => location.pathname, () => location.pathname);
}

export function Link(
    { href, onClick, ...rest }:
    AnchorHTMLAttributes<HTMLAnchorElement> & { href: string },
) {
    const follow = (event: MouseEvent<HTMLAnchorElement>) => {
        onClick?.(event);

        if (event.defaultPrevented || event.button !== 0 || event.metaKey
            || event.ctrlKey || event.shiftKey || event.altKey)
        {
            return;
        }

        event.preventDefault();
        navigate(href);
    };

    const current = usePath() === href ? 'page' as const : undefined;

    return <a href={href} onClick={follow} aria-current={current} {...rest} />;
}
