// What tests of AMQP brokers and their HTTP APIs share.
export const basic = (username, password) => `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
export const bearer = (token) => `Bearer ${token}`;

/** True if `operation` (given a fresh channel) succeeds; false if the broker answers ACCESS_REFUSED (403). */
export async function permitted(connection, operation) {
    const channel = await connection.createChannel();
    let refusal;
    channel.on('error', (error) => { refusal = error; });
    // LavinMQ 2.8 answers the rest of a refused message by closing the connection: then no call is ever answered.
    const broken = new Promise((_, reject) => { connection.once('close', (error) => reject(error ?? new Error('closed'))); });
    broken.catch(() => {});
    try {
        await Promise.race([operation(channel), broken]);
        await Promise.race([channel.close(), broken]);
        return true;
    } catch (error) {
        const text = String((refusal ?? error).message);
        if (/ACCESS_REFUSED|\b403\b/.test(text)) return false;
        throw refusal ?? error;
    }
}

/** The error of a connection that the broker turns away; throws if it lets it in. */
export async function turnedAway(promise) {
    let connection;
    try {
        connection = await promise;
    } catch (error) {
        return error;
    }
    await connection.close();
    throw new Error('the broker let the client in');
}
