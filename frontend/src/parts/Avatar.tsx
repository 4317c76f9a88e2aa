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
    const url = avatar === null ? null : pictureUrl(avatar.path);
    const small = avatar?.small ? pictureUrl(avatar.small) : null;

    // pictures of an older worker may have no small one

    const [broken, setBroken] = useState<string[]>([]);

    const background = useMemo(
        () => blurred(avatar?.placeholder ?? null), [avatar?.placeholder]);

    const style = {
        width: size,
        height: size,
        ...(background === null
            ? {} : { backgroundImage: `url(${background})` }),
    };

    // decoration: the name is always beside it

    if (url === null || broken.includes(url)) {
        return (
            <span className="avatar letter" style={style} aria-hidden="true">
                <span style={{ fontSize: size * 0.45 }}>
                    {person.displayName.charAt(0).toUpperCase()}
                </span>
            </span>
        );
    }

    const sources = small === null || broken.includes(small) ? {} : {
        srcSet: `${small} 96w, ${url} 512w`, sizes: `${size}px`,
    };

    return (
        <img className="avatar" alt="" width={size} height={size} style={style}
            {...sources} src={url}
            onError={(event) => {
                const { currentSrc } = event.currentTarget;

                setBroken([...broken, currentSrc === small ? small : url]);
            }} />
    );
}
