import { beforeEach, describe, expect, it } from 'vitest';

import { ApiError, type Presigned, type Upload } from '../src/api';
import {
    contentTypeOf, delay, maxSize, patience, runUpload, type UploadState,
    type UploadTools,
} from '../src/upload';

const presigned: Presigned = {
    id: 'u1', method: 'PUT', url: 'http://store.test/k', headers: {},
};

function picture(size = 100, type = 'image/jpeg', name = 'a.jpg'): File {
    return new File([new Uint8Array(size)], name, { type });
}

let shown: UploadState[];
let clock: number;
let answers: (Upload['state'] | Error)[];
let controller: AbortController;

function tools(change: Partial<UploadTools> = {}): UploadTools {
    return {
        createUpload: () => Promise.resolve(presigned),
        convert: () => { throw new Error('was converted'); },
        put: (_presigned, file, progress) => {
            progress(file.size / 2);
            progress(file.size);
            return Promise.resolve();
        },
        upload: () => {
            const next = answers.shift() ?? 'processing';

            return next instanceof Error
                ? Promise.reject(next)
                : Promise.resolve({ id: 'u1', state: next });
        },
        sleep: (ms) => {
            clock += ms;
            return Promise.resolve();
        },
        now: () => clock,
        ...change,
    };
}

function run(file = picture(), change: Partial<UploadTools> = {}) {
    return runUpload(file, tools(change), (s) => { shown.push(s); },
        controller.signal);
}

beforeEach(() => {
    shown = [];
    clock = 0;
    answers = ['pending', 'processing', 'ready'];
    controller = new AbortController();
});

describe('runUpload', () => {
    it('goes from asking over sending and processing to ready', async () => {
        const end = await run();

        expect(shown.map((s) => s.step)).toEqual([
            'asking', 'sending', 'sending', 'sending', 'processing', 'ready']);
        expect(shown[2]).toMatchObject({ sent: 50, size: 100 });
        expect(end.step).toBe('ready');
    });

    it('tells the worker\'s reason', async () => {
        const end = await run(picture(), {
            upload: () => Promise.resolve(
                { id: 'u1', state: 'failed', reason: 'This is not a picture.' }),
        });

        expect(end).toEqual(
            { step: 'failed', reason: 'This is not a picture.' });
    });

    it('tells why no address was given', async () => {
        const end = await run(picture(), {
            createUpload: () =>
                Promise.reject(new ApiError('This is too large.', 413)),
        });

        expect(end).toEqual({ step: 'failed', reason: 'This is too large.' });
    });

    it('does not ask for the state of what was not sent', async () => {
        const end = await run(picture(), {
            put: () => Promise.reject(new ApiError('It broke.', 0)),
            upload: () => { throw new Error('was asked'); },
        });

        expect(end).toEqual({ step: 'failed', reason: 'It broke.' });
    });

    it('waits through an outage', async () => {
        answers = [new ApiError('away', 503), new ApiError('gone', 0),
            new ApiError('often', 429), 'ready'];

        expect((await run()).step).toBe('ready');
    });

    it('does not wait for what is another\'s', async () => {
        answers = [new ApiError('There is nothing here.', 404), 'ready'];

        expect(await run()).toEqual(
            { step: 'failed', reason: 'There is nothing here.' });
    });

    it('ends in time when the worker does not', async () => {
        answers = [];
        const end = await run();

        expect(end.step).toBe('failed');
        expect(clock).toBeGreaterThanOrEqual(patience);
        expect(clock).toBeLessThan(patience + 5000);
    });

    it('shows nothing more once the page has gone', async () => {
        await run(picture(), {
            put: () => {
                controller.abort();
                return Promise.resolve();
            },
        });

        expect(shown.map((s) => s.step)).toEqual(['asking', 'sending']);
    });

    it.each(['image/heic', 'image/avif', 'image/bmp'])(
        'sends a JPEG in place of %s', async (type) => {
            const asked: unknown[] = [];
            const sent: number[] = [];
            const end = await run(picture(100, type), {
                convert: () => Promise.resolve(picture(70)),
                createUpload: (...of) => {
                    asked.push(of);
                    return Promise.resolve(presigned);
                },
                put: (_presigned, file) => {
                    sent.push(file.size);
                    return Promise.resolve();
                },
            });

            expect(end.step).toBe('ready');
            expect(asked).toEqual([['image/jpeg', 70]]);
            expect(sent).toEqual([70]);
        });

    it.each([
        ['image/heic', /^HEIC .*JPEG.*Most Compatible/],
        ['image/heif', /^HEIF .*Most Compatible/],
        ['image/avif', /^AVIF pictures cannot be read .* GIF\.$/],
        ['image/svg+xml', /^SVG /],
    ])('says why %s cannot be had', async (type, reason) => {
        for (const convert of [() => Promise.resolve(null),
            () => Promise.reject(new Error('no'))])
        {
            expect(await run(picture(100, type), {
                convert, createUpload: () => { throw new Error('was asked'); },
            })).toMatchObject({ step: 'failed',
                reason: expect.stringMatching(reason) as string });
        }
    });

    it('counts the size of what is sent', async () => {
        expect((await run(picture(maxSize + 1, 'image/heic'), {
            convert: () => Promise.resolve(picture(70)),
        })).step).toBe('ready');
        expect((await run(picture(10, 'image/heic'), {
            convert: () => Promise.resolve(picture(maxSize + 1)),
        })).step).toBe('failed');
    });

    it.each([
        ['a file that is not a picture', picture(5, 'text/plain', 'a.txt')],
        ['an empty file', picture(0)],
        ['a file that is too large', picture(maxSize + 1)],
    ])('refuses %s without asking', async (_what, file) => {
        const end = await run(file, {
            createUpload: () => { throw new Error('was asked'); },
        });

        expect(end.step).toBe('failed');
        expect(end).not.toHaveProperty('reason', 'was asked');
    });
});

describe('contentTypeOf', () => {
    it('goes by the name where the browser does not know', () => {
        expect(contentTypeOf({ name: 'A.HEIC', type: '' })).toBe('image/heic');
        expect(contentTypeOf({ name: 'a', type: '' })).toBe('');
        expect(contentTypeOf({ name: 'a.png', type: 'image/webp' }))
            .toBe('image/webp');
    });
});

describe('delay', () => {
    it('grows to two seconds', () => {
        expect(delay(0)).toBe(250);
        expect(delay(1)).toBeGreaterThan(delay(0));
        expect(delay(50)).toBe(2000);
    });
});
