import { describe, expect, it } from 'vitest';

import { draftKey, forgetDrafts, readDraft, writeDraft } from '../src/drafts';

function store(): Storage {
    return Object.defineProperties({}, {
        getItem: { value(this: Record<string, string>, key: string) {
            return this[key] ?? null;
        } },
        setItem: { value(this: Record<string, string>, key: string,
            value: string) {
            this[key] = value;
        } },
        removeItem: { value(this: Record<string, string>, key: string) {
            // eslint-disable-next-line @typescript-eslint/no-dynamic-delete
            delete this[key];
        } },
    }) as unknown as Storage;
}

const like = { text: '', n: 0 };

describe('drafts', () => {
    it('are kept until they are taken back', () => {
        const at = store();

        writeDraft('draft:a', { text: 'x', n: 1 }, at);
        expect(readDraft('draft:a', like, at)).toEqual({ text: 'x', n: 1 });

        writeDraft('draft:a', null, at);
        expect(readDraft('draft:a', like, at)).toBeNull();
    });

    it('are of one user', () => {
        expect(draftKey('a:b', 'c')).not.toBe(draftKey('a', 'b:c'));
    });

    it.each(['{', 'null', '5', '[]', '{"text":5,"n":1}', '{"text":"x"}'])(
        'are not read out of %s', (text) => {
            const at = store();

            at.setItem('draft:a', text);
            expect(readDraft('draft:a', like, at)).toBeNull();
        });

    it('stand a browser that keeps nothing', () => {
        const at = { getItem: () => { throw new Error('no'); },
            setItem: () => { throw new Error('no'); },
            removeItem: () => { throw new Error('no'); } };

        writeDraft('draft:a', like, at);
        writeDraft('draft:a', null, at);
        expect(readDraft('draft:a', like, at)).toBeNull();
    });

    it('are gone with who leaves, and nothing else is', () => {
        const at = store();

        at.setItem('other', '1');
        writeDraft('draft:a', like, at);
        writeDraft('draft:b', like, at);
        forgetDrafts(at);
        expect(Object.keys(at)).toEqual(['other']);
    });
});
