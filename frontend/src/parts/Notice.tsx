/* What went wrong, said where a screen reader hears it. */

export function Notice(
    { error, retry }: { error: Error | null; retry?: () => void },
) {
    return (
        <div role="alert">
            {error !== null && (
                <p className="notice bad">
                    {error.message}
                    {retry && (
                        <button type="button" className="quiet"
                            onClick={retry}>
                            Try again
                        </button>
                    )}
                </p>
            )}
        </div>
    );
}
