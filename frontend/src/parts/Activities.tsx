import type { Activity } from '../api';
import { Link } from '../router';
import { Avatar } from './Avatar';

const units: [Intl.RelativeTimeFormatUnit, number][] = [
    ['year', 31_536_000], ['month', 2_592_000], ['day', 86_400],
    ['hour', 3600], ['minute', 60],
];

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

export function ago(then: string, now = Date.now()): string {
    const elapsed = Math.max(0, (now - Date.parse(then)) / 1000);
    const unit = units.find(([, length]) => elapsed >= length);

    return unit === undefined
        ? 'just now' : relative.format(-Math.floor(elapsed / unit[1]), unit[0]);
}

export function Activities({ list, empty }: {
    list: Activity[];
    empty: string;
}) {
    if (list.length === 0) {
        return <p className="hint">{empty}</p>;
    }

    return (
        <ul className="activities">
            {list.map((activity) => (
                <li key={activity.id}>
                    <article className={activity.mine ? 'card mine' : 'card'}>
                        <Avatar person={activity.user} size={44} />
                        <div>
                            <p className="by">
                                <Link href={`/@${activity.user.handle}`}>
                                    <strong>
                                        <bdi>{activity.user.displayName}</bdi>
                                    </strong>
                                    {' '}
                                    <span>@{activity.user.handle}</span>
                                </Link>
                                {' '}
                                <time dateTime={activity.createdAt}>
                                    {ago(activity.createdAt)}
                                </time>
                            </p>
                            <p className="message" dir="auto">
                                {activity.message}
                            </p>
                        </div>
                    </article>
                </li>
            ))}
        </ul>
    );
}
