// The one broker and the providers that the cases of this folder share.
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Lavin, basic} from '../support/lavinmq.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {Hand} from './hand.mjs';

export const world = {};

export const ALL = 'broker.configure:*/* broker.read:*/* broker.write:*/*';
export const LOCAL = basic('guest', 'guest');

/** A token of `sub` with scopes for this broker; `scope` is written without the prefix. */
export function mint(sub, scope, options) {
    const prefixed = scope.split(' ').filter(Boolean).map((one) => one.startsWith('broker.') ? one : `broker.${one}`);
    return world.issuer.mint(sub, prefixed.join(' '), options);
}

/** A connection of `sub` with `scope`. */
export const enter = async (sub, scope, options) => world.lavin.connect(await mint(sub, scope), options);

/** Somebody who may do anything, for preparing: a user of LavinMQ's own. */
export const everything = () => world.lavin.connect('guest', {username: 'guest'});

/** tokenward.ini, with further lines in [oauth]. */
export const ini = (more = '') => `[oauth]
ca_file = ${world.issuer.caFile}
clock_skew = 0
jwks_min_refresh = 1
metrics_file = ${join(world.directory.path, 'tokenward.prom')}
${more}${world.hand.section}`;

/** [oauth] of lavinmq.ini, as an operator of LavinMQ's own backend has it. */
export const oauth = (more = []) => [
    `issuer = ${world.issuer.url}`,
    'resource_server_id = broker',
    'preferred_username_claims = preferred_username,sub',
    'additional_scopes_keys = permissions',
    ...more,
];

export async function begin() {
    world.directory = temporaryDirectory();
    mkdirSync(join(world.directory.path, 'issuer'));
    world.issuer = await Issuer.start(join(world.directory.path, 'issuer'));
    world.hand = new Hand(join(world.directory.path, 'hand.json'));
    world.lavin = await Lavin.start({
        directory: world.directory.path, oauth: oauth(['jwks_cache_ttl = 1']), ini: ini('max_token_bytes = 131072\n'),
    });
    for (const vhost of ['eu-west', 'eu-north', 'asia']) {
        await world.lavin.http(`/vhosts/${vhost}`, LOCAL, {method: 'PUT', body: {}});
    }
}

export async function end(failed) {
    await world.lavin?.stop();
    await world.issuer?.stop();
    if (failed && world.lavin) console.error(world.lavin.log.slice(-60_000));
    world.directory.remove();
}
