// What must arrive and what mustn't, from the rights that were in force: no broker in here, and no waiting.
//
// Topics are s/CELL/KIND/PUBLISHER. Members of a cell subscribe to its four kinds:
//   a   every token of a member may write (its own) and read
//   b   only wide tokens may write and read
//   w   wills, which every token may read
//   x   what nobody may write, and everybody may read
//
// The two rules, which need no tolerance of time:
//   lost     the broker took it, the subscription was older, and each token that the subscriber has had from its sending
//            until now may read it, but it never came. While a durable session is away, nothing is taken from it.
//   leaked   it came, and no token that this connection has had since the sending may read it; or it was sent after the
//            end of the token, or the broker had denied it.

export const now = () => performance.timeOrigin + performance.now();
export const filterOf = (cell, kind) => `s/${cell}/${kind}/+`;

export class Oracle {
    faults = [];          ///< {what, text, history}
    counts = {};
    messages = new Map();  ///< by payload

    count(what, more = 1) { this.counts[what] = (this.counts[what] ?? 0) + more; }
    fault(what, who, text) {
        this.count('faults');
        this.faults.push({what, text: `${who.name}: ${text}`, history: [...who.history]});
    }
}

const SENT = 'sent', TAKEN = 'taken', DENIED = 'denied';

/** A message, or a will, from before it is sent. */
export class Message {
    constructor(oracle, who, cell, kind, publisher = who.name) {
        this.oracle = oracle;
        this.who = who;
        this.kind = kind;
        this.topic = `s/${cell.name}/${kind}/${publisher}`;
        this.payload = `${who.name} ${who.nextNumber++}`;
        this.sent = now();
        this.state = SENT;
        this.came = 0;  ///< to how many
        oracle.messages.set(this.payload, this);
        cell.messages.push(this);
    }
    /** The broker answered that it took it; or it has a will that it must publish. */
    taken() { this.state = TAKEN; }
    /** It mustn't come to anybody. */
    denied() {
        this.state = DENIED;
        if (this.came > 0) this.oracle.fault('leaked', this.who, `${this} came to ${this.came}, though it is denied`);
    }
    toString() { return `"${this.payload}" to ${this.topic} (${this.state})`; }
}

/** What the broker keeps for a client identifier: subscriptions, and messages that are on their way. */
export class Session {
    constructor(oracle, who, cell) {
        Object.assign(this, {oracle, who, cell});
        this.from = cell.messages.length;
        this.subscribed = {};  ///< kind: when the broker had said yes
        this.wished = new Set();  ///< kinds that were asked for
        this.rights = [];  ///< of all connections: {from, until, read, ends, token, connection}
        this.got = new Set();
    }

    /** A token that is sent: from now on its rights may be in force. */
    begins(connection, token) {
        const {read, ends} = token;
        const right = {connection, token, read, ends, from: now(), until: Infinity};
        this.rights.push(right);
        return right;
    }

    received(connection, topic, payload) {
        const {oracle, who} = this;
        const message = oracle.messages.get(payload);
        if (!message || message.topic !== topic) return oracle.fault('leaked', who, `it got "${payload}" from ${topic}, which nobody sent`);
        if (message.kind !== 'x') oracle.count('deliveries');
        if (this.got.has(message)) oracle.count('duplicates');
        else message.came += 1;
        this.got.add(message);
        if (message.state === DENIED) return oracle.fault('leaked', who, `it got ${message}`);
        if (!this.wished.has(message.kind)) return oracle.fault('leaked', who, `it got ${message} without a subscription`);
        const since = this.rights.filter((each) => each.connection === connection && each.until >= message.sent);
        if (since.some(({read, ends}) => read.includes(message.kind) && message.sent < ends)) return;
        oracle.fault('leaked', who, `it got ${message}, which its token doesn't grant: ${since.map(({read, ends}) =>
            `"${read}"${message.sent < ends ? '' : `, ended ${Math.round(message.sent - ends)} ms before`}`).join('; ')}`);
    }

    /** A message, when it was sent, and the connections and tokens around that time. */
    about(message) {
        const s = (ms) => (ms / 1000).toFixed(3);
        const near = this.rights.filter(({from, until, ends}) => from < message.sent + 3000 && Math.max(until, Math.min(ends, now())) > message.sent - 3000);
        return `${message} at ${s(message.sent)}; tokens then: ${near.map(({from, until, ends}) =>
            `${s(from)} to ${s(until)}, ending ${s(ends)}`).join('; ')}`;
    }

    /** What must have come and hasn't; of messages that were sent before `until`. */
    missing(until = Infinity) {
        const out = [];
        for (let i = this.from; i < this.cell.messages.length; ++i) {
            const message = this.cell.messages[i];
            if (message.state !== TAKEN || message.sent > until || this.got.has(message)) continue;
            if (!(this.subscribed[message.kind] < message.sent)) continue;
            if (this.rights.every((right) => right.until < message.sent || right.read.includes(message.kind))) out.push(message);
        }
        return out;
    }
}
