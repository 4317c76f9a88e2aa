// AWS's SDK against an S3 endpoint: objects.mjs ENDPOINT BUCKET, with the
// credentials in the environment.  Prints a line of JSON for each thing that
// it did: {"what", "ok", "said"?}.

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import { S3Client, PutObjectCommand, GetObjectCommand, HeadObjectCommand,
         DeleteObjectCommand, DeleteObjectsCommand, HeadBucketCommand,
         ListObjectsV2Command, paginateListObjectsV2,
         CreateMultipartUploadCommand, UploadPartCommand,
         CompleteMultipartUploadCommand, AbortMultipartUploadCommand,
         ListPartsCommand, ListMultipartUploadsCommand,
         CopyObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

const [endpoint, Bucket] = process.argv.slice(2);
const options = { endpoint, region: 'eu-west-1', forcePathStyle: true,
                  maxAttempts: 1 };
const s3 = new S3Client(options);

let sent = {};

// what is sent, to see that the checksums are there
s3.middlewareStack.add((next) => (args) => {
    sent = args.request.headers;
    return next(args);
}, { step: 'finalizeRequest', priority: 'low', name: 'spy' });

async function step(what, code) {
    try {
        const said = await code();
        console.log(JSON.stringify({ what, ok: said === true, said }));

    } catch (e) {
        console.log(JSON.stringify({ what, ok: false,
                                     said: `${e.name}: ${e.message}` }));
    }
}

async function fails(what, name, status, code) {
    try {
        await code();
        console.log(JSON.stringify({ what, ok: false, said: 'it succeeded' }));

    } catch (e) {
        const got = [e.name, e.$metadata?.httpStatusCode].join(' ');
        console.log(JSON.stringify({ what, ok: got === `${name} ${status}`,
                                     said: `${got}: ${e.message}` }));
    }
}

const bytes = async (body) => Buffer.from(await body.transformToByteArray());
const md5 = (data) => `"${createHash('md5').update(data).digest('hex')}"`;

const keys = ['plain.txt', 'a/b/c', "space +&=?#é€😀!'()*~", 'a//b/', './..'];
const sizes = [0, 5, 65536, 5000000];

for (const Key of keys) {
    await step(`put ${Key}`, async () => {
        const out = await s3.send(new PutObjectCommand({ Bucket, Key,
            Body: Buffer.from(`at ${Key}`), ContentType: 'text/plain' }));
        return out.ETag === md5(`at ${Key}`);
    });

    await step(`get ${Key}`, async () => {
        const out = await s3.send(new GetObjectCommand({ Bucket, Key }));
        return (await bytes(out.Body)).toString() === `at ${Key}`
               && out.ContentType === 'text/plain';
    });
}

await step('a CRC32 is sent by default', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'crc', Body: 'x' }));
    return sent['x-amz-checksum-crc32'] === 'jNwWgw=='
           || JSON.stringify(sent);
});

await fails('a wrong CRC32', 'BadDigest', 400, () => s3.send(
    new PutObjectCommand({ Bucket, Key: 'crc', Body: 'y',
                           ChecksumCRC32: 'jNwWgw==' })));

await step('SHA-256', async () => (await s3.send(new PutObjectCommand({ Bucket,
    Key: 'sha', Body: 'x', ChecksumAlgorithm: 'SHA256' })))
    .$metadata.httpStatusCode === 200);

for (const ChecksumAlgorithm of ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1',
                                 'SHA256']) {
    await step(ChecksumAlgorithm, async () => {
        const out = await s3.send(new PutObjectCommand({ Bucket, Key: 'sum',
            Body: 'x', ChecksumAlgorithm }));
        return Boolean(out[`Checksum${ChecksumAlgorithm}`])
               && out.ChecksumType === 'FULL_OBJECT';
    });
}

await fails('a wrong CRC32C', 'BadDigest', 400, () => s3.send(
    new PutObjectCommand({ Bucket, Key: 'c', Body: 'x',
                           ChecksumCRC32C: 'yZRlqg==' })));

for (const size of sizes) {
    await step(`${size} bytes`, async () => {
        const Body = Buffer.alloc(size, 'abcdefg');
        await s3.send(new PutObjectCommand({ Bucket, Key: 'size', Body }));
        const head = await s3.send(new HeadObjectCommand({ Bucket,
                                                           Key: 'size' }));
        const out = await s3.send(new GetObjectCommand({ Bucket,
                                                         Key: 'size' }));
        return head.ContentLength === size && head.ETag === md5(Body)
               && (await bytes(out.Body)).equals(Body);
    });
}

await step('a range', async () => (await bytes((await s3.send(
    new GetObjectCommand({ Bucket, Key: 'plain.txt', Range: 'bytes=3-7' })))
    .Body)).toString() === 'plain');

await step('a stream', async () => {
    const Body = Readable.from([Buffer.from('12345'), Buffer.from('6789')]);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'stream',
                                         ContentLength: 9, Body }));
    return sent['x-amz-trailer'] === 'x-amz-checksum-crc32'
           && (await bytes((await s3.send(new GetObjectCommand({ Bucket,
               Key: 'stream' }))).Body)).toString() === '123456789';
});

await step('only where there is none', async () => (await s3.send(
    new PutObjectCommand({ Bucket, Key: 'first', Body: '1',
                           IfNoneMatch: '*' }))).$metadata.httpStatusCode
    === 200);
await fails('... where there is one', 'PreconditionFailed', 412, () => s3.send(
    new PutObjectCommand({ Bucket, Key: 'first', Body: '2',
                           IfNoneMatch: '*' })));

await fails('what is not there', 'NoSuchKey', 404, () => s3.send(
    new GetObjectCommand({ Bucket, Key: 'none' })));
await fails('a HEAD of it', 'NotFound', 404, () => s3.send(
    new HeadObjectCommand({ Bucket, Key: 'none' })));
await step('a list', async () => {
    const out = await s3.send(new ListObjectsV2Command({ Bucket,
                                                         Delimiter: '/' }));
    return out.Contents.some((object) => object.Key === 'plain.txt')
           && out.CommonPrefixes.some((prefix) => prefix.Prefix === 'a/');
});
await step('pages of a list', async () => {
    const all = [];
    for await (const page of paginateListObjectsV2({ client: s3, pageSize: 2 },
                                                   { Bucket })) {
        all.push(...page.Contents.map((object) => object.Key));
    }
    return keys.every((key) => all.includes(key))
           && new Set(all).size === all.length || all.join();
});
await step('a bucket', async () => (await s3.send(
    new HeadBucketCommand({ Bucket }))).BucketRegion === 'eu-west-1');
await step('many removed', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'many', Body: 'x' }));
    const out = await s3.send(new DeleteObjectsCommand({ Bucket,
        Delete: { Objects: [{ Key: 'many' }, { Key: 'none' }] } }));
    return out.Deleted.length === 2 && !out.Errors;
});
// an upload in parts, with the SDK's own checksums and with each algorithm

for (const ChecksumAlgorithm of [undefined, 'CRC32', 'CRC32C', 'CRC64NVME',
                                 'SHA1', 'SHA256']) {
    await step(`parts ${ChecksumAlgorithm}`, async () => {
        const of = { Bucket, Key: 'parts' };
        const parts = [Buffer.alloc(5 * 1024 * 1024, 'a'), Buffer.from('b')];
        const { UploadId } = await s3.send(new CreateMultipartUploadCommand({
            ...of, ChecksumAlgorithm, ContentType: 'text/parts' }));
        const Parts = [];
        for (const [i, Body] of parts.entries()) {
            const out = await s3.send(new UploadPartCommand({ ...of, UploadId,
                ChecksumAlgorithm, PartNumber: i + 1, Body }));
            const { ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME,
                    ChecksumSHA1, ChecksumSHA256 } = out;
            Parts.push({ PartNumber: i + 1, ETag, ChecksumCRC32,
                ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA1,
                ChecksumSHA256 });
        }
        const listed = await s3.send(new ListPartsCommand({ ...of, UploadId }));
        await s3.send(new CompleteMultipartUploadCommand({ ...of, UploadId,
            MultipartUpload: { Parts } }));
        const got = await s3.send(new GetObjectCommand(of));
        const part = await s3.send(new HeadObjectCommand({ ...of,
            PartNumber: 2 }));
        return listed.Parts.length === 2 && part.PartsCount === 2
               && part.ContentLength === 1 && got.ContentType === 'text/parts'
               && (await bytes(got.Body)).equals(Buffer.concat(parts));
    });
}
await step('an upload that is aborted', async () => {
    const of = { Bucket, Key: 'parts' };
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(of));
    const { Uploads } = await s3.send(new ListMultipartUploadsCommand({
        Bucket }));
    await s3.send(new AbortMultipartUploadCommand({ ...of, UploadId }));
    const out = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
    return Uploads.length === 1 && Uploads[0].UploadId === UploadId
           && !out.Uploads;
});
await step('a copy', async () => {
    const out = await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy é',
        CopySource: `${Bucket}/parts` }));
    const got = await s3.send(new HeadObjectCommand({ Bucket,
        Key: 'copy é' }));
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy',
        CopySource: `${Bucket}/${encodeURIComponent('copy é')}`,
        MetadataDirective: 'REPLACE', Metadata: { a: 'b' } }));
    const again = await s3.send(new HeadObjectCommand({ Bucket, Key: 'copy' }));
    return out.CopyObjectResult.ETag === got.ETag
           && got.ContentType === 'text/parts' && again.Metadata.a === 'b'
           && again.ContentLength === 5 * 1024 * 1024 + 1;
});
await step('metadata', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'm', Body: 'x',
        Metadata: { a: 'b' }, CacheControl: 'max-age=1' }));
    const out = await s3.send(new HeadObjectCommand({ Bucket, Key: 'm' }));
    return out.Metadata.a === 'b' && out.CacheControl === 'max-age=1';
});
await fails('another secret', 'SignatureDoesNotMatch', 403, () => new S3Client({
    ...options, credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID,
                               secretAccessKey: 'other' } })
    .send(new GetObjectCommand({ Bucket, Key: 'plain.txt' })));

// presigned: with checksums only where they are asked for, since the signer
// has no bytes yet

const signer = new S3Client({ ...options,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED' });

const sign = (client, command, more) => getSignedUrl(client, command,
                                                     { expiresIn: 60, ...more });

// fetch() takes dots out of a path

for (const Key of keys.filter((key) => key !== './..')) {
    await step(`put ${Key} by URL`, async () => {
        const url = await sign(signer, new PutObjectCommand({ Bucket, Key }));
        const out = await fetch(url, { method: 'PUT', body: `url ${Key}` });
        return out.status === 200 || await out.text();
    });

    await step(`get ${Key} by URL`, async () => {
        const out = await fetch(await sign(signer,
            new GetObjectCommand({ Bucket, Key })));
        return await out.text() === `url ${Key}`;
    });

    await step(`head ${Key} by URL`, async () => {
        const out = await fetch(await sign(signer,
            new HeadObjectCommand({ Bucket, Key })), { method: 'HEAD' });
        return out.status === 200;
    });
}

await step('a URL with the SDK\'s defaults, for reading', async () => {
    const out = await fetch(await sign(s3, new GetObjectCommand({ Bucket,
        Key: 'plain.txt' })));
    return await out.text() === 'url plain.txt';
});

await step('a bound type', async () => {
    const url = await sign(signer, new PutObjectCommand({ Bucket, Key: 'type',
        ContentType: 'image/png' }), { signableHeaders:
        new Set(['content-type']) });
    const right = await fetch(url, { method: 'PUT', body: 'x',
        headers: { 'Content-Type': 'image/png' } });
    const wrong = await fetch(url, { method: 'PUT', body: 'x',
        headers: { 'Content-Type': 'image/gif' } });
    return right.status === 200 && wrong.status === 403;
});

// the pitfall that S3 has too: the CRC32 of no bytes is in the URL

await step('a URL with the CRC32 of no bytes', async () => {
    const url = await sign(s3, new PutObjectCommand({ Bucket, Key: 'crc' }));
    if (!url.includes('x-amz-checksum-crc32=AAAAAA%3D%3D')) {
        return `no such thing in ${url}`;
    }
    const some = await fetch(url, { method: 'PUT', body: 'x' });
    const none = await fetch(url, { method: 'PUT', body: '' });
    return some.status === 400 && (await some.text()).includes('BadDigest')
           && none.status === 200;
});

for (const Key of [...keys, 'none']) {
    await step(`delete ${Key}`, async () => (await s3.send(
        new DeleteObjectCommand({ Bucket, Key })))
        .$metadata.httpStatusCode === 204);
}

console.log(JSON.stringify({ what: 'the end', ok: true }));
