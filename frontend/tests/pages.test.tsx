import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';

import { Activities } from '../src/parts/Activities';
import { ServicesContext, type Services } from '../src/context';

(globalThis as { location?: unknown }).location = { pathname: '/' };

const services = {
    pictureUrl: (path: string) => `http://assets.test${path}`,
} as unknown as Services;

function shown(displayName: string, message: string): string {
    return renderToStaticMarkup(
        <ServicesContext value={services}>
            <Activities empty="" list={[{
                id: '1', message, createdAt: '2026-01-01T00:00:00Z',
                mine: false,
                user: { handle: 'ann', displayName, avatar: null },
            }]} />
        </ServicesContext>);
}

describe('an activity', () => {
    it('keeps the direction of a name to the name', () => {
        expect(shown('Ann\u202e', 'x')).toContain('<bdi>Ann\u202e</bdi>');
    });

    it('has a message of any direction', () => {
        expect(shown('Ann', '\u05d0')).toMatch(
            /<p class="message" dir="auto">\s*\u05d0/);
    });

    it('shows markup as text', () => {
        expect(shown('<b>', '<script>')).not.toMatch(/<b>|<script>/);
    });
});
