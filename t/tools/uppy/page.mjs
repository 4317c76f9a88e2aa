/*
 * What the page of t/201-uppy.t has: an uploader, which the test drives.
 *
 *   begin(options)   a new one; "mode" is sign, companion; "token"
 *   add(size, n)     a file of so many bytes, the n-th; its digest
 *   upload()         to the end, or to a pause: what became of it
 */

import AwsS3 from '@uppy/aws-s3';
import Uppy from '@uppy/core';

const MB = 1024 * 1024;

let uppy;
let file;
let seen;
let pauseAfter;
let pauses;

function sign(token) {
    return async (request) => {
        const response = await fetch('/sign', {
            method: 'POST',
            headers: {
                Authorization: `Bearer ${token}`,
                'Content-Type': 'application/json',
            },
            body: JSON.stringify({ ...request, kind: 'photo' }),
        });

        if (!response.ok) {
            throw new Error(`/sign: ${response.status} ${
                await response.text()}`);
        }

        seen.signed.push(`${request.method} ${request.partNumber ?? ''}`);
        return response.json();
    };
}

function begin({ mode, token, whole }) {
    uppy?.destroy();
    seen = { progress: [], parts: [], signed: [], result: null, error: null };
    pauseAfter = 0;
    pauses = null;
    uppy = new Uppy({ autoProceed: false });
    uppy.use(AwsS3, {
        shouldUseMultipart: !whole,
        getChunkSize: () => 5 * MB,
        ...(mode === 'sign' ? { signRequest: sign(token) }
            : { companionEndpoint: location.origin }),
    });

    uppy.on('upload-progress', (_, { bytesUploaded, bytesTotal }) => {
        seen.progress.push(bytesUploaded);
        seen.total = bytesTotal;
    });
    uppy.on('s3-multipart:part-uploaded', (_, part) => {
        seen.parts.push(part.PartNumber);

        if (pauseAfter && part.PartNumber === pauseAfter) {
            uppy.pauseResume(file);
            pauses();
        }
    });
    uppy.on('upload-success', (_, response) => { seen.result = response; });
    uppy.on('upload-error', (_, error) => {
        seen.error = String(error);
        pauses?.();
    });
}

/* Bytes that no two files have in common, and no two parts. */

function bytes(size, first) {
    const pieces = [];

    for (let at = 0; at < size; at += MB) {
        const piece = new Uint32Array(Math.ceil(Math.min(MB, size - at) / 4));
        let x = (first * 7919 + at / MB + 1) >>> 0;

        for (let i = 0; i < piece.length; i++) {
            x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
            piece[i] = x;
        }

        pieces.push(new Uint8Array(piece.buffer)
            .subarray(0, Math.min(MB, size - at)));
    }

    return new Blob(pieces, { type: 'image/png' });
}

async function digest(blob) {
    const sum = await crypto.subtle.digest('SHA-256',
        await blob.arrayBuffer());

    return [...new Uint8Array(sum)]
        .map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/* With what was kept, it is an upload that a page before has begun. */

async function add(size, first, kept) {
    const blob = bytes(size, first);

    file = uppy.addFile({ name: 'a b+c.png', type: 'image/png', data: blob,
        meta: { kind: 'photo' } });

    if (kept) {
        uppy.setFileState(file, { s3Multipart: kept });
    }

    return digest(blob);
}

function pausedAfter(part) {
    pauseAfter = part;
    return new Promise((resolve) => {
        pauses = resolve;
        uppy.upload();
    });
}

const kept = () => uppy.getFile(file).s3Multipart;
const upload = () => uppy.upload().then(() => seen);
const resume = () => new Promise((resolve) => {
    uppy.once('complete', () => resolve(seen));
    uppy.pauseResume(file);
});
const cancel = () => { uppy.removeFile(file); };

Object.assign(window, { social: { begin, add, pausedAfter, kept, upload,
    resume, cancel, state: () => seen } });
