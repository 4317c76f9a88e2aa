import { type ChangeEvent, useEffect, useRef, useState } from 'react';

import { useServices } from '../context';
import {
    accepted, convertByCanvas, putByXhr, runUpload, sleep, type UploadState,
} from '../upload';

export function AvatarUpload({ onReady }: { onReady: () => void }) {
    const { api } = useServices();
    const [state, setState] = useState<UploadState>({ step: 'idle' });
    const input = useRef<HTMLInputElement>(null);
    const running = useRef<AbortController>(null);

    useEffect(() => () => { running.current?.abort(); }, []);

    const busy = ['asking', 'sending', 'processing'].includes(state.step);

    const choose = (event: ChangeEvent<HTMLInputElement>) => {
        const file = event.target.files?.[0];

        event.target.value = '';

        if (file === undefined) {
            return;
        }

        const controller = new AbortController();

        running.current?.abort();
        running.current = controller;

        void runUpload(file, {
            createUpload: (type, size) => api.createUpload(type, size),
            upload: (id) => api.upload(id),
            convert: convertByCanvas,
            put: putByXhr,
            sleep,
            now: () => Date.now(),
        }, setState, controller.signal).then((end) => {
            if (end.step === 'ready' && !controller.signal.aborted) {
                onReady();
            }
        });
    };

    return (
        <div className="upload">
            {/* phones make a JPEG of HEIC, if that is not in the list */}
            <input ref={input} id="avatar-file" type="file"
                accept={[...accepted, 'image/avif'].join(',')}
                className="hidden" onChange={choose} disabled={busy} />
            <label htmlFor="avatar-file"
                className={busy ? 'button off' : 'button'}>
                Change your picture
            </label>

            {state.step === 'sending' && (
                <progress aria-label="Upload" max={state.size}
                    value={state.sent} />
            )}
            {state.step === 'processing' && (
                <progress aria-label="Processing" />
            )}

            <p className={state.step === 'failed' ? 'error' : 'hint'}
                role="status" data-step={state.step}>
                {describe(state)}
            </p>
        </div>
    );
}

function describe(state: UploadState): string {
    switch (state.step) {
    case 'idle': return 'JPEG, PNG, WebP, GIF or AVIF, up to 10 MB.';
    case 'asking': return 'Getting ready…';
    case 'sending': return 'Sending…';
    case 'processing': return 'Making your picture ready…';
    case 'ready': return 'Your new picture is here.';
    case 'failed': return state.reason;
    }
}
