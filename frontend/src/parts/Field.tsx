import {
    type InputHTMLAttributes, type TextareaHTMLAttributes, useId,
} from 'react';

interface Around {
    label: string;
    hint?: string;
    error?: string | undefined;
}

function useDescription({ hint, error }: Around) {
    const id = useId();
    const ids = [hint === undefined ? '' : `${id}-hint`,
        error === undefined ? '' : `${id}-error`].filter(Boolean).join(' ');

    return {
        id,
        props: {
            id,
            'aria-invalid': error !== undefined,
            ...(ids === '' ? {} : { 'aria-describedby': ids }),
        },
    };
}

function Notes({ id, hint, error }: Around & { id: string }) {
    return (
        <>
            {hint !== undefined && <p className="hint" id={`${id}-hint`}>
                {hint}</p>}
            {error !== undefined && <p className="error" id={`${id}-error`}>
                {error}</p>}
        </>
    );
}

export function Field(
    { label, hint, error, ...rest }:
    Around & InputHTMLAttributes<HTMLInputElement>,
) {
    const around = { label, error, ...(hint === undefined ? {} : { hint }) };
    const { id, props } = useDescription(around);

    return (
        <div className="field">
            <label htmlFor={id}>{label}</label>
            <input {...rest} {...props} />
            <Notes id={id} {...around} />
        </div>
    );
}

export function TextArea(
    { label, hint, error, ...rest }:
    Around & TextareaHTMLAttributes<HTMLTextAreaElement>,
) {
    const around = { label, error, ...(hint === undefined ? {} : { hint }) };
    const { id, props } = useDescription(around);

    return (
        <div className="field">
            <label htmlFor={id}>{label}</label>
            <textarea {...rest} {...props} />
            <Notes id={id} {...around} />
        </div>
    );
}
