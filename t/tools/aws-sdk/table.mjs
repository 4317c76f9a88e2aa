// What AWS's SDK for JavaScript does with a store, by the rows of
// docs/clients.md: table.mjs ENDPOINT BUCKET ROW, with the credentials in the
// environment and the files "small", "large" and "huge" in the directory.
// Exits with 0 if it was done.

import { createReadStream, readFileSync, statSync } from 'node:fs';

import { S3Client, PutObjectCommand, GetObjectCommand, HeadObjectCommand,
         DeleteObjectCommand, DeleteObjectsCommand, ListObjectsCommand,
         paginateListObjectsV2, ListObjectsV2Command, CopyObjectCommand,
         CreateBucketCommand, CreateMultipartUploadCommand, UploadPartCommand,
         CompleteMultipartUploadCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

const [endpoint, Bucket, row] = process.argv.slice(2);
const s3 = new S3Client({ endpoint, region: 'eu-west-1', forcePathStyle: true,
                          maxAttempts: 1 });
const part = 16 * 1024 * 1024;

const text = async (Key) => (await s3.send(new GetObjectCommand({ Bucket,
    Key }))).Body.transformToString();

// A file in parts, as the SDK's own Upload sends it.

async function upload(name, Key) {
    const { size } = statSync(name);
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({
        Bucket, Key }));
    const Parts = [];

    for (let start = 0; start < size; start += part) {
        const end = Math.min(start + part, size) - 1;
        const PartNumber = Parts.length + 1;
        const { ETag, ChecksumCRC32 } = await s3.send(new UploadPartCommand({
            Bucket, Key, UploadId, PartNumber, ContentLength: end - start + 1,
            Body: createReadStream(name, { start, end }) }));
        Parts.push({ PartNumber, ETag, ChecksumCRC32 });
    }

    await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId,
        MultipartUpload: { Parts } }));

    return (await s3.send(new HeadObjectCommand({ Bucket, Key })))
        .ContentLength === size;
}

const rows = {
    'put': async () => {
        await s3.send(new PutObjectCommand({ Bucket, Key: 'js/small',
            Body: readFileSync('small') }));
        return true;
    },
    'get': async () => await text('js/small') === 'hello\n',
    'head': async () => (await s3.send(new HeadObjectCommand({ Bucket,
        Key: 'js/small' }))).ContentLength === 6,
    'put of 20 MB': async () => {
        await s3.send(new PutObjectCommand({ Bucket, Key: 'js/large',
            Body: createReadStream('large'),
            ContentLength: statSync('large').size }));
        return true;
    },
    'put of 200 MB': () => upload('huge', 'js/huge'),
    'list': async () => (await s3.send(new ListObjectsV2Command({ Bucket,
        Prefix: 'js/', Delimiter: '/' }))).Contents
        .some((object) => object.Key === 'js/small'),
    'list of what is below': async () => {
        const keys = [];
        for await (const page of paginateListObjectsV2({ client: s3,
            pageSize: 1 }, { Bucket })) {
            keys.push(...page.Contents.map((object) => object.Key));
        }
        const { Contents } = await s3.send(new ListObjectsCommand({ Bucket }));
        return keys.includes('js/small') && Contents.length === keys.length;
    },
    'copy': async () => {
        await s3.send(new CopyObjectCommand({ Bucket, Key: 'js/copy',
            CopySource: `${Bucket}/js/small` }));
        return await text('js/copy') === 'hello\n';
    },
    'remove': async () => (await s3.send(new DeleteObjectCommand({ Bucket,
        Key: 'js/small' }))).$metadata.httpStatusCode === 204,
    'remove of many': async () => (await s3.send(new DeleteObjectsCommand({
        Bucket, Delete: { Objects: Array.from({ length: 300 },
            (_, i) => ({ Key: `js/${i}` })) } }))).Deleted.length === 300,
    'URL': async () => {
        await s3.send(new PutObjectCommand({ Bucket, Key: 'js/url',
                                             Body: 'url' }));
        const out = await fetch(await getSignedUrl(s3,
            new GetObjectCommand({ Bucket, Key: 'js/url' }),
            { expiresIn: 60 }));
        return await out.text() === 'url';
    },
    'make bucket': async () => {
        try {
            await s3.send(new CreateBucketCommand({ Bucket }));
            return false;

        } catch (e) {
            return e.name === 'BucketAlreadyOwnedByYou';
        }
    },
};

try {
    process.exitCode = await rows[row]() ? 0 : 1;

} catch (e) {
    console.log(`${e.name}: ${e.message}`);
    process.exitCode = 1;
}
