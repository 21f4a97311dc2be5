module LavinMQ::TokenwardAuth
  # What a token's user needs before LavinMQ does what a route of its HTTP API is for.
  enum Needs
    # LavinMQ asks for the right or the tag itself, or the route changes nothing.
    Nothing
    # The right to configure the queue, as for deleting it.
    ConfigureQueue
    # The connection belongs to the user's own identity, or the user has tag:administrator.
    OwnConnection
    # tag:policymaker or tag:administrator.
    Policymaker
    # For a route that isn't in the list.
    Administrator
    # The rights of each step: declare, bind, publish, get.
    AlivenessTest
  end

  # All routes of LavinMQ 2.7 to 2.9 that change something. LavinMQ asks a user for a vhost and some tag at least; where it
  # asks for nothing that names the thing which is changed, we do. A LavinMQ with another route doesn't compile.
  ROUTES = {
    "POST /api/bindings/:vhost/e/:name/q/:queue"                      => Needs::Nothing,
    "DELETE /api/bindings/:vhost/e/:name/q/:queue/*props"             => Needs::Nothing,
    "POST /api/bindings/:vhost/e/:name/e/:destination"                => Needs::Nothing,
    "DELETE /api/bindings/:vhost/e/:name/e/:destination/*props"       => Needs::Nothing,
    "PUT /api/channels/:name"                                         => Needs::OwnConnection,
    "DELETE /api/connections/:name"                                   => Needs::OwnConnection,
    "DELETE /api/connections/username/:username"                      => Needs::OwnConnection,
    "DELETE /api/consumers/:vhost/:connection/:channel/:consumer_tag" => Needs::OwnConnection,
    "POST /api/definitions"                                           => Needs::Nothing,
    "POST /api/definitions/upload"                                    => Needs::Nothing,
    "POST /api/definitions/:vhost"                                    => Needs::Nothing,
    "POST /api/definitions/:vhost/upload"                             => Needs::Nothing,
    "PUT /api/exchanges/:vhost/:name"                                 => Needs::Nothing,
    "DELETE /api/exchanges/:vhost/:name"                              => Needs::Nothing,
    "POST /api/exchanges/:vhost/:name/publish"                        => Needs::Nothing,
    "POST /api/nodes/gc_collect"                                      => Needs::Nothing,
    "POST /api/nodes/:name/gc_collect"                                => Needs::Nothing,
    "PUT /api/parameters/:component/:vhost/:name"                     => Needs::Nothing,
    "DELETE /api/parameters/:component/:vhost/:name"                  => Needs::Nothing,
    "PUT /api/global-parameters/:name"                                => Needs::Nothing,
    "DELETE /api/global-parameters/:name"                             => Needs::Nothing,
    "PUT /api/policies/:vhost/:name"                                  => Needs::Nothing,
    "DELETE /api/policies/:vhost/:name"                               => Needs::Nothing,
    "PUT /api/operator-policies/:vhost/:name"                         => Needs::Nothing,
    "DELETE /api/operator-policies/:vhost/:name"                      => Needs::Nothing,
    "PUT /api/permissions/:vhost/:user"                               => Needs::Nothing,
    "DELETE /api/permissions/:vhost/:user"                            => Needs::Nothing,
    "PUT /api/queues/:vhost/:name"                                    => Needs::Nothing,
    "PUT /api/queues/:vhost/:name/pause"                              => Needs::ConfigureQueue,
    "PUT /api/queues/:vhost/:name/resume"                             => Needs::ConfigureQueue,
    "PUT /api/queues/:vhost/:name/restart"                            => Needs::ConfigureQueue,
    "DELETE /api/queues/:vhost/:name"                                 => Needs::Nothing,
    "DELETE /api/queues/:vhost/:name/contents"                        => Needs::Nothing,
    "POST /api/queues/:vhost/:name/get"                               => Needs::Nothing,
    "POST /api/queues/:vhost/:name/stream"                            => Needs::Nothing,
    "PUT /api/shovels/:vhost/:name/pause"                             => Needs::Policymaker, # to 2.8 LavinMQ doesn't ask
    "PUT /api/shovels/:vhost/:name/resume"                            => Needs::Policymaker,
    "POST /api/users/bulk-delete"                                     => Needs::Nothing,
    "PUT /api/users/:name"                                            => Needs::Nothing,
    "DELETE /api/users/:name"                                         => Needs::Nothing,
    "PUT /api/auth/hash_password"                                     => Needs::Nothing,
    "PUT /api/vhost-limits/:vhost/:type"                              => Needs::Nothing,
    "DELETE /api/vhost-limits/:vhost/:type"                           => Needs::Nothing,
    "DELETE /api/vhost-limits/:name/:type"                            => Needs::Nothing, # to 2.8
    "PUT /api/vhosts/:name"                                           => Needs::Nothing,
    "DELETE /api/vhosts/:name"                                        => Needs::Nothing,
    # A GET that declares a queue, publishes and consumes.
    "GET /api/aliveness-test/:vhost" => Needs::AlivenessTest,
  }
end
