/* Something fetched for a page: its value, or what to tell the person. */

import { useCallback, useEffect, useState } from 'react';

export interface Loaded<T> {
    value: T | null;
    error: Error | null;
    reload: () => void;
    set: (value: T) => void;
}

export function useLoad<T>(load: () => Promise<T>): Loaded<T> {
    const [value, setValue] = useState<T | null>(null);
    const [error, setError] = useState<Error | null>(null);
    const [turn, setTurn] = useState(0);

    useEffect(() => {
        let current = true;

        load().then(
            (result) => {
                if (current) {
                    setValue(result);
                    setError(null);
                }
            },
            (reason: unknown) => {
                if (current) {
                    setError(reason instanceof Error
                        ? reason : new Error('Something went wrong.'));
                }
            },
        );

        return () => { current = false; };
    }, [load, turn]);

    const reload = useCallback(() => { setTurn((n) => n + 1); }, []);

    return { value, error, reload, set: setValue };
}
