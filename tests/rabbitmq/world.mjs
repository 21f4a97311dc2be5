// The one broker and the one issuer that the cases of this folder share.
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {Rabbit} from '../support/rabbitmq.mjs';

export const world = {};

/** With routing keys too. */
export const ALL = 'rabbit.configure:*/* rabbit.read:*/*/* rabbit.write:*/*/*';

/** A token of `sub` with scopes for this broker; `scope` is written without the prefix. */
export function mint(sub, scope, options) {
    const prefixed = scope.split(' ').filter(Boolean).map((one) => one.startsWith('rabbit.') ? one : `rabbit.${one}`);
    return world.issuer.mint(sub, prefixed.join(' '), options);
}

/** A connection of `sub` with `scope`. */
export const enter = async (sub, scope, options) => world.rabbit.connect(await mint(sub, scope), options);

/** Somebody who may do anything, for preparing. */
export const everything = () => enter('everything', ALL);

/** prepare(directory): more options of the broker; moreConf: more lines of rabbitmq.conf. */
export async function begin(prepare = async () => ({})) {
    world.directory = temporaryDirectory();
    const {moreConf = [], ...options} = await prepare(world.directory.path);
    mkdirSync(join(world.directory.path, 'issuer'));
    world.issuer = await Issuer.start(join(world.directory.path, 'issuer'));
    world.rabbit = await Rabbit.start({
        directory: world.directory.path,
        conf: [
            `tokenward.issuer = ${world.issuer.url}`,
            `tokenward.ca_file = ${world.issuer.caFile}`,
            'tokenward.resource_server_id = rabbit',
            'tokenward.audience = broker',
            'tokenward.clock_skew = 0',
            'tokenward.jwks_min_refresh = 1',
            ...moreConf,
        ],
        ...options,
    });
}

export async function end(failed) {
    await world.rabbit?.stop();
    await world.issuer?.stop();
    if (failed && world.rabbit) console.error(world.rabbit.log.slice(-60_000));
    world.directory.remove();
}
