import { useMemo, useState } from 'react';
import { thumbHashToDataURL } from 'thumbhash';

import type { Person } from '../api';
import { useServices } from '../context';

function blurred(placeholder: string | null): string | null {
    if (placeholder === null || placeholder === '') {
        return null;
    }

    try {
        return thumbHashToDataURL(
            Uint8Array.from(atob(placeholder), (c) => c.charCodeAt(0)));
    } catch {
        return null;
    }
}

export function Avatar({ person, size }: { person: Person; size: number }) {
    const { pictureUrl } = useServices();
    const { avatar } = person;
    const url = avatar === null ? null : pictureUrl(avatar);
    const [broken, setBroken] = useState<string | null>(null);

    const background = useMemo(
        () => blurred(avatar?.placeholder ?? null), [avatar?.placeholder]);

    const style = {
        width: size,
        height: size,
        ...(background === null
            ? {} : { backgroundImage: `url(${background})` }),
    };

    // decoration: the name is always beside it

    if (url === null || url === broken) {
        return (
            <span className="avatar letter" style={style} aria-hidden="true">
                <span style={{ fontSize: size * 0.45 }}>
                    {person.displayName.charAt(0).toUpperCase()}
                </span>
            </span>
        );
    }

    return (
        <img className="avatar" src={url} alt="" width={size} height={size}
            style={style} onError={() => { setBroken(url); }} />
    );
}
