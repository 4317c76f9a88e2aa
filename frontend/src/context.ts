/* What every page may need, made once in main.tsx. */

import { createContext, useContext } from 'react';

import type { Api, Person } from './api';
import type { Auth } from './auth';

export interface Services {
    api: Api;
    auth: Auth;
    viewer: Person | null;

    /* who has the session, as the identity provider knows them */
    user: string | null;
    signedIn: boolean;
    setViewer: (viewer: Person | null) => void;
    refresh: () => void;
    pictureUrl: (path: string) => string;
}

export const ServicesContext = createContext<Services | null>(null);

export function useServices(): Services {
    const services = useContext(ServicesContext);

    if (services === null) {
        throw new Error('outside of the services');
    }

    return services;
}
