import { describe, expect, it } from 'vitest';

import { sending, uuid } from '../src/ids';

describe('uuid', () => {
    it('is random, of version 4', () => {
        const some = Array.from({ length: 200 }, uuid);

        expect(new Set(some).size).toBe(200);

        for (const id of some) {
            expect(id).toMatch(
                /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        }
    });
});

const none = { text: '', id: '' };

describe('sending', () => {
    it('keeps the id of what may have arrived', () => {
        const first = sending('a', none);

        expect(sending('a', first)).toEqual(first);
    });

    it('never sends none', () => {
        expect(sending('', none).id).not.toBe('');
    });

    it('gives another text another id', () => {
        const first = sending('a', none);

        expect(sending('b', first).id).not.toBe(first.id);
    });
});
