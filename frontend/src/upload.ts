/*
 * An upload from the file to the processed picture: ask for an address, send
 * the bytes there, wait until the worker is done.  Nothing here knows the
 * page or the network; both are handed in.
 */

import { ApiError, type Presigned, type Upload } from './api';

export type UploadState =
    | { step: 'idle' }
    | { step: 'asking' }
    | { step: 'sending'; sent: number; size: number }
    | { step: 'processing' }
    | { step: 'ready'; upload: Upload }
    | { step: 'failed'; reason: string };

export type Put = (
    presigned: Presigned,
    file: Blob,
    progress: (sent: number) => void,
    signal: AbortSignal,
) => Promise<void>;

export interface UploadTools {
    /* a JPEG of what the browser can decode, or null */
    convert(file: File): Promise<File | null>;

    createUpload(contentType: string, size: number): Promise<Presigned>;
    upload(id: string): Promise<Upload>;
    put: Put;
    sleep(ms: number, signal: AbortSignal): Promise<void>;
    now(): number;
}

export const maxSize = 10 * 1024 * 1024;
export const patience = 90_000;

const typesByName: Record<string, string> = {
    jpg: 'image/jpeg', jpeg: 'image/jpeg', png: 'image/png',
    gif: 'image/gif', webp: 'image/webp', avif: 'image/avif',
    heic: 'image/heic', heif: 'image/heif',
};

/* What the gateway takes (social_presign_types). */

export const accepted = ['image/jpeg', 'image/png', 'image/webp', 'image/gif'];

/* The longer side of a converted picture, in pixels: canvases have limits. */

const longest = 4096;

/* Browsers leave the type empty where they do not know the name's ending. */

export function contentTypeOf(file: { name: string; type: string }): string {
    if (file.type !== '') {
        return file.type;
    }

    const ending = file.name.split('.').pop()?.toLowerCase() ?? '';

    return typesByName[ending] ?? '';
}

export function delay(attempt: number): number {
    return Math.min(250 * 1.5 ** attempt, 2000);
}

export async function runUpload(
    original: File,
    tools: UploadTools,
    show: (state: UploadState) => void,
    signal: AbortSignal,
): Promise<UploadState> {
    let state: UploadState = { step: 'idle' };

    const set = (next: UploadState) => {
        state = next;

        if (!signal.aborted) {
            show(next);
        }
    };

    const given = contentTypeOf(original);

    if (!given.startsWith('image/')) {
        set({ step: 'failed', reason: 'Choose a picture.' });
        return state;
    }

    if (original.size === 0) {
        set({ step: 'failed', reason: 'This file is empty.' });
        return state;
    }

    let file: File = original;

    if (!accepted.includes(given)) {
        set({ step: 'asking' });

        const converted = await tools.convert(original).catch(() => null);

        if (converted === null) {
            set({ step: 'failed', reason: unreadable(given) });
            return state;
        }

        file = converted;
    }

    const type = contentTypeOf(file);

    if (file.size > maxSize) {
        set({ step: 'failed',
            reason: 'This picture is larger than 10 MB. Choose a smaller one.' });
        return state;
    }

    try {
        set({ step: 'asking' });
        const presigned = await tools.createUpload(type, file.size);

        set({ step: 'sending', sent: 0, size: file.size });
        await tools.put(presigned, file, (sent) => {
            set({ step: 'sending', sent, size: file.size });
        }, signal);

        set({ step: 'processing' });
        set(await wait(presigned.id, tools, signal));
    } catch (error) {
        set({ step: 'failed', reason: reasonOf(error) });
    }

    return state;
}

export function unreadable(type: string): string {
    const kind = type.replace(/^image\//, '').replace(/\+.*/, '')
        .toUpperCase();

    return `${kind} pictures cannot be read by this browser. Choose a JPEG,`
        + ' PNG, WebP or GIF'
        + (/^HEI[CF]/.test(kind)
            ? ', or have your phone export it as JPEG ("Most Compatible").'
            : '.');
}

/* HEIC in Safari, AVIF in all browsers; metadata stays behind. */

export async function convertByCanvas(file: File): Promise<File | null> {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement('canvas');

    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));

    const context = canvas.getContext('2d');

    if (context !== null) {
        // JPEG is not transparent

        context.fillStyle = '#fff';
        context.fillRect(0, 0, canvas.width, canvas.height);
        context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    }

    bitmap.close();

    const blob = context === null ? null
        : await new Promise<Blob | null>((resolve) => {
            canvas.toBlob(resolve, 'image/jpeg', 0.92);
        });

    return blob === null
        ? null : new File([blob], 'picture.jpg', { type: 'image/jpeg' });
}

async function wait(
    id: string,
    tools: UploadTools,
    signal: AbortSignal,
): Promise<UploadState> {
    const start = tools.now();

    for (let attempt = 0; tools.now() - start < patience; attempt++) {
        await tools.sleep(delay(attempt), signal);

        let upload: Upload;

        try {
            upload = await tools.upload(id);
        } catch (error) {
            // the file is safe: an outage now only makes it later

            if (error instanceof ApiError
                && (error.status === 0 || error.status === 429
                    || error.status >= 500))
            {
                continue;
            }

            throw error;
        }

        if (upload.state === 'ready') {
            return { step: 'ready', upload };
        }

        if (upload.state === 'failed') {
            return { step: 'failed', reason: upload.reason
                ?? 'This file could not be made into a picture.' };
        }
    }

    return { step: 'failed', reason:
        'Your picture arrived, but making it ready takes longer than usual.'
        + ' It will appear by itself.' };
}

function reasonOf(error: unknown): string {
    if (error instanceof Error && error.message !== '') {
        return error.message;
    }

    return 'The upload did not work. Try again.';
}

/* fetch() cannot tell how much was sent; XMLHttpRequest can. */

export const putByXhr: Put = (presigned, file, progress, signal) =>
    new Promise((resolve, reject) => {
        const xhr = new XMLHttpRequest();

        xhr.open(presigned.method, presigned.url);

        for (const [name, value] of Object.entries(presigned.headers)) {
            // these two are the browser's to send
            if (!/^(host|content-length)$/i.test(name)) {
                xhr.setRequestHeader(name, value);
            }
        }

        xhr.upload.onprogress = (event) => { progress(event.loaded); };

        xhr.onload = () => {
            if (xhr.status >= 200 && xhr.status < 300) {
                resolve();
            } else {
                reject(new ApiError(storeError(xhr.status), xhr.status));
            }
        };

        xhr.onerror = () => {
            reject(new ApiError(
                'The connection broke while your picture was sent.', 0));
        };

        xhr.onabort = () => {
            reject(new ApiError('The upload was cancelled.', 0));
        };

        signal.addEventListener('abort', () => { xhr.abort(); },
            { once: true });

        xhr.send(file);
    });

export function storeError(status: number): string {
    switch (status) {
    case 400: return 'The picture did not arrive whole. Try again.';
    case 403: return 'The store did not take the picture: the permission to'
        + ' send it may have expired. Try again.';
    case 413: return 'This picture is too large.';
    case 503: case 507: return 'The store cannot take pictures right now.'
        + ' Try again later.';
    default: return `The store did not take the picture (${status}).`;
    }
}

export function sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, ms);

        signal.addEventListener('abort', () => {
            clearTimeout(timer);
            reject(new ApiError('The upload was cancelled.', 0));
        }, { once: true });
    });
}
