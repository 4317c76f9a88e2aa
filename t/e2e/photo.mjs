/*
 * A photo as a phone takes it: 12 megapixels that lie on their side, an EXIF
 * orientation that says so, and a location that must stay private.
 */

export const secret = 'Somewhere 52.5200 N 13.4050 E';

/* Upright: one color for each quarter, from the top left, by rows. */

const stored = {
    1: (q) => [q[0], q[1], q[2], q[3]],
    3: (q) => [q[3], q[2], q[1], q[0]],
    6: (q) => [q[1], q[3], q[0], q[2]],
    8: (q) => [q[2], q[0], q[3], q[1]],
};

export async function photo(page, { quarters, orientation }) {
    const base64 = await page.evaluate(async (colors) => {
        const [width, height] = [4000, 3000];
        const canvas = new OffscreenCanvas(width, height);
        const context = canvas.getContext('2d');

        colors.forEach((color, i) => {
            context.fillStyle = color;
            context.fillRect((i % 2) * width / 2, Math.floor(i / 2) * height / 2,
                width / 2, height / 2);
        });

        // grain, since photos are not flat, and not small

        for (let i = 0; i < 60_000; i++) {
            context.fillStyle = i % 2 ? '#ffffff18' : '#00000018';
            context.fillRect(Math.random() * width, Math.random() * height,
                10, 10);
        }

        const blob = await canvas.convertToBlob(
            { type: 'image/jpeg', quality: 0.9 });
        const bytes = new Uint8Array(await blob.arrayBuffer());
        let text = '';

        for (let i = 0; i < bytes.length; i += 0x8000) {
            text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
        }

        return btoa(text);
    }, stored[orientation](quarters));

    const jpeg = Buffer.from(base64, 'base64');

    return Buffer.concat(
        [jpeg.subarray(0, 2), exif(orientation), jpeg.subarray(2)]);
}

function exif(orientation) {
    const text = Buffer.from(`${secret}\0`, 'latin1');
    const entries = 2;
    const after = 8 + 2 + 12 * entries + 4;
    const tiff = Buffer.alloc(after + text.length);

    tiff.write('II*\0', 0, 'latin1');
    tiff.writeUInt32LE(8, 4);
    tiff.writeUInt16LE(entries, 8);

    tiff.writeUInt16LE(0x010e, 10);             // ImageDescription
    tiff.writeUInt16LE(2, 12);
    tiff.writeUInt32LE(text.length, 14);
    tiff.writeUInt32LE(after, 18);

    tiff.writeUInt16LE(0x0112, 22);             // Orientation
    tiff.writeUInt16LE(3, 24);
    tiff.writeUInt32LE(1, 26);
    tiff.writeUInt16LE(orientation, 30);

    text.copy(tiff, after);

    const head = Buffer.alloc(4);

    head.writeUInt16BE(0xffe1, 0);
    head.writeUInt16BE(2 + 6 + tiff.length, 2);

    return Buffer.concat([head, Buffer.from('Exif\0\0', 'latin1'), tiff]);
}

/* The colors in the middle of each quarter of a picture, and what it is. */

export function look(page, url) {
    return page.evaluate(async (address) => {
        const response = await fetch(address);
        const blob = await response.blob();
        const bitmap = await createImageBitmap(blob);
        const { width, height } = bitmap;
        const canvas = new OffscreenCanvas(width, height);
        const context = canvas.getContext('2d');

        context.drawImage(bitmap, 0, 0);

        const at = (x, y) => Array.from(context.getImageData(
            Math.round(width * x), Math.round(height * y), 1, 1).data);

        const text = new TextDecoder('latin1').decode(
            await blob.arrayBuffer());

        return {
            width, height,
            type: response.headers.get('Content-Type'),
            exif: text.includes('Exif'),
            text,
            quarters: [at(.25, .25), at(.75, .25), at(.25, .75),
                at(.75, .75)],
        };
    }, url);
}

export function near(rgba, hex, distance = 48) {
    return [1, 3, 5].every((at, i) => Math.abs(
        rgba[i] - Number.parseInt(hex.slice(at, at + 2), 16)) <= distance);
}
