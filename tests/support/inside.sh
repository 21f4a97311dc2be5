# shellcheck shell=sh
# What the trials inside a bare Debian share: packages_inside.sh and source_inside.sh. In /try lie a token, the issuer's name and
# certificate, and lines of the pages.
log=/try/log
# shellcheck disable=SC2034 # for who includes this
token=$(cat /try/token)

ok() {
    name=$1
    shift
    if "$@" >/try/out 2>&1; then echo "ok - $name"; else echo "not ok - $name" && tail -n 25 /try/out | sed 's/^/# /'; fi
}
not() { ! "$@"; }
# free_port: one of loopback that was free a moment ago, and not given before. Python isn't there; perl-base is.
free_port() {
    while :; do
        a_port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
        grep -qsx "$a_port" /try/ports || break
    done
    echo "$a_port" | tee -a /try/ports
}
wait_for() {
    for _ in $(seq 300); do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}

configure_provider() {
    cp /try/ca.pem /etc/tokenward/
    cat >/etc/tokenward/tokenward.ini <<INI
[oauth]
issuer = $(cat /try/issuer)
ca_file = /etc/tokenward/ca.pem
resource_server_id = broker
INI
}

# RabbitMQ: the plugin enabled as the page says, and a login.
try_rabbitmq() {
    mkdir -p /try/rabbit
    chown rabbitmq /try/rabbit
    cat >/etc/rabbitmq/rabbitmq.conf <<CONF
auth_backends.1 = rabbit_auth_backend_tokenward
tokenward.config.1 = /etc/tokenward/tokenward.ini
listeners.tcp.1 = 127.0.0.1:$(free_port)
log.console = true
CONF
    # Loopback alone.
    cat >/etc/rabbitmq/rabbitmq-env.conf <<CONF
NODENAME=try@localhost
DIST_PORT=$(free_port)
MNESIA_BASE=/try/rabbit
LOG_BASE=/try/rabbit
SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
CONF
    ERL_EPMD_PORT=$(free_port)
    export ERL_EPMD_PORT ERL_EPMD_ADDRESS=127.0.0.1
    # As the page says, for Debian 13 and newer.
    # shellcheck disable=SC1091 # made of the page
    grep -q '^VERSION_ID="12"' /etc/os-release || . /try/both_folders
    ok 'rabbitmq-plugins enables it' rabbitmq-plugins enable --offline tokenward_rabbitmq
    rabbitmq-server >"$log" 2>&1 &
    is_up() {
        for _ in $(seq 60); do
            rabbitmqctl await_startup --timeout 60 && return 0
            sleep 1
        done
        cat "$log"
        return 1
    }
    ok 'RabbitMQ starts' is_up
    ok 'a token may log in' rabbitmqctl authenticate_user token "$token"
    ok 'what is no token may not' not rabbitmqctl authenticate_user token password
    rabbitmqctl stop >/dev/null 2>&1
    ok 'rabbitmq-plugins disables it' rabbitmq-plugins disable --offline tokenward_rabbitmq
}
