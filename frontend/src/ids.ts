/*
 * Ids of what is sent: made once for a text, and kept until it has arrived, so
 * that sending it again after a lost answer does not double it.
 */

/* A UUID, version 4.  randomUUID() is missing where the page is not secure. */

export function uuid(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(16));

    bytes[6] = (bytes[6] ?? 0) & 0x0f | 0x40;
    bytes[8] = (bytes[8] ?? 0) & 0x3f | 0x80;

    return Array.from(bytes, (b, i) => ([4, 6, 8, 10].includes(i) ? '-' : '')
        + b.toString(16).padStart(2, '0')).join('');
}

export interface Sent {
    text: string;
    id: string;
}

/* What is sent of a text now, given what was sent last without an answer. */

export function sending(text: string, last: Sent): Sent {
    return last.id !== '' && last.text === text
        ? { text, id: last.id } : { text, id: uuid() };
}
