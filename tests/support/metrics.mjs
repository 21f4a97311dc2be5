// Numbers out of a text in Prometheus' format.

/** The value of a sample; labels as they stand there. Undefined: there is none. */
export function sample(text, name, labels = '') {
    const line = text.split('\n').find((one) => one.startsWith(`${name}${labels && `{${labels}}`} `));
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
}

/** {result: requests} of tokenward_introspection_requests_total or tokenward_client_credentials_requests_total. */
export function requests(text, kind, section = 'oauth') {
    const results = kind === 'introspection' ? ['active', 'inactive', 'failed'] : ['granted', 'refused', 'failed'];
    return Object.fromEntries(results.map((result) =>
        [result, sample(text, `tokenward_${kind}_requests_total`, `section="${section}",result="${result}"`)]));
}
