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
    file: File,
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

    const type = contentTypeOf(file);

    if (!type.startsWith('image/')) {
        set({ step: 'failed', reason: 'Choose a picture.' });
        return state;
    }

    if (file.size === 0) {
        set({ step: 'failed', reason: 'This file is empty.' });
        return state;
    }

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
