import { describe, expect, it } from 'vitest';

import { merge } from '../src/merge';

const base = { handle: 'ann', displayName: 'Ann', bio: 'a' };

describe('merge', () => {
    it('has the changes of both', () => {
        expect(merge(base, { ...base, bio: 'mine' },
            { ...base, displayName: 'Theirs' })).toEqual({
            merged: { handle: 'ann', displayName: 'Theirs', bio: 'mine' },
            clash: [],
        });
    });

    it('names what both have changed', () => {
        expect(merge(base, { ...base, bio: 'mine', handle: 'x' },
            { ...base, bio: 'theirs', handle: 'x' })).toEqual({
            merged: { handle: 'x', displayName: 'Ann', bio: 'mine' },
            clash: ['bio'],
        });
    });
});
