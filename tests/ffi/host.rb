# A host in Ruby, with fiddle. usage: host.rb FOLDER; README.md tells what is in it.
require 'fiddle/import'

module Tokenward
  extend Fiddle::Importer
  dlload 'libtokenward.so.1'

  RESULTS = %w[OK REFUSED NOT_A_TOKEN TRY_AGAIN ERROR DENIED EXPIRED].freeze
  OK = 0
  LOG_WARNING = 2
  LOG_TO_QUEUE = 2
  LOG_LINE_SIZE = 2048
  SASL_PLAIN, SASL_OAUTHBEARER, USERNAME_PASSWORD, HTTP_AUTHORIZATION, BEARER_TOKEN = 1, 2, 3, 4, 5
  CONFIGURE, READ, WRITE = 1, 2, 3
  MQTT_FILTER, MQTT_TOPIC, ROUTING_KEY = 0x1, 0x2, 0x4

  # A tokenward_string is two members here: the struct lies in memory just the same.
  def self.string(name) = ["char *#{name}", "size_t #{name}_size"]

  String_ = struct(['char *data', 'size_t data_size'])
  Options = struct(['size_t struct_size', 'void *config_files', 'size_t config_file_count', *string('config_json'),
                    'void *log', 'void *log_user', 'int log_mode', 'int log_level', 'unsigned int startup_wait_ms',
                    'unsigned int max_wait_ms'])
  Credentials = struct(['size_t struct_size', 'int kind', 'unsigned int flags', *string('data'),
                        *string('username'), *string('password')])
  Context = struct(['size_t struct_size', *string('protocol'), *string('peer'), *string('client_id'),
                    *string('connection_name'), *string('listener'), *string('client_certificate_sha256'),
                    'unsigned long long flags'])
  Request = struct(['size_t struct_size', 'int operation', 'unsigned int flags', *string('vhost'),
                    *string('resource'), *string('routing_key')])
  Error = struct(['size_t struct_size', 'int reason', 'int retry_after_ms', 'char message[512]', 'char hint[512]'])

  # A struct with its size; fields that are not given are zero. It keeps the strings alive that it points to.
  def self.make(type, **fields)
    made = type.malloc(Fiddle::RUBY_FREE)
    made.to_ptr[0, type.size] = "\0" * type.size
    made.struct_size = type.size if made.respond_to?(:struct_size=)
    fields.each do |name, value|
      made.public_send("#{name}=", value.is_a?(String) ? Fiddle::Pointer[value] : value)
      made.public_send("#{name}_size=", value.bytesize) if value.is_a?(String)
    end
    made.instance_variable_set(:@kept, fields)
    made
  end

  extern 'int tokenward_create(void *, void *, void *)'
  extern 'void tokenward_destroy(void *)'
  extern 'int tokenward_authenticate(void *, void *, void *, void *, void *)'
  extern 'int tokenward_authorize(void *, void *)'
  extern 'int tokenward_report_denial(void *, void *, void *)'
  extern 'int tokenward_session_can_access_vhost(void *, void *, size_t)'
  extern 'int tokenward_session_refresh(void *, void *, void *, void *)'
  extern 'void tokenward_session_release(void *)'
  extern 'int tokenward_session_username(void *, void *, void *)'
  extern 'int tokenward_session_expires_at(void *, void *)'
  extern 'int tokenward_session_tags(void *, void *, size_t, void *)'
  extern 'int tokenward_explain(void *, void *, void *, size_t, void *, void *)'
  extern 'int tokenward_status(void *, void *, size_t, void *, void *)'
  extern 'int tokenward_metrics(void *, void *, size_t, void *, void *)'
  extern 'int tokenward_log_fd(void *, void *)'
  extern 'int tokenward_log_read(void *, void *, void *, size_t, void *)'
  extern 'unsigned int tokenward_abi_version()'
  extern 'const char *tokenward_reason_name(int)'

  # A number that is not in the list is a no as well.
  def self.name_of(result) = RESULTS[result] || "no (#{result})"
  def self.verdict(result) = result == OK ? 'ALLOWED' : name_of(result)

  # A place for something that a call gives back, as String#unpack1 names its type: J a handle or a size_t.
  def self.out(type)
    place = "\0" * 8
    yield place
    place.unpack1(type)
  end

  # What a call writes into a buffer: again with a larger one if it is too small.
  def self.growing_text(size = 256)
    buffer = "\0" * size
    length = out('J') { |place| raise 'no text' unless yield(buffer, size, place) == OK }
    length < size ? buffer[0, length] : growing_text(length + 1) { |*place| yield(*place) }
  end

  # A key, also an empty one, counts only with its flag.
  def self.request(operation, resource, key = nil, flags: 0)
    flags |= ROUTING_KEY if key
    make(Request, operation: operation, flags: flags, vhost: '/', resource: resource, routing_key: key || '')
  end
end

T = Tokenward
folder, = ARGV
token = ->(name) { File.read("#{folder}/#{name}.jwt").strip }

abort "not the library's version 1" unless T.tokenward_abi_version >> 16 == 1
file = T.make(T::String_, data: "#{folder}/tokenward.ini")
options = T.make(T::Options, config_files: file.to_ptr, config_file_count: 1, startup_wait_ms: 5000,
                             log_mode: T::LOG_TO_QUEUE, log_level: T::LOG_WARNING)
error = T.make(T::Error)
message = lambda do
  "#{T.tokenward_reason_name(error.reason)}: #{error.message.pack('c*').unpack1('Z*')}"
end
backend = T.out('J') { |place| abort message.call unless T.tokenward_create(options, place, error) == T::OK }

outcome = lambda do |label, result, who = ''|
  puts "#{label}: #{result == T::OK ? "OK#{who}" : "#{T.name_of(result)} #{message.call}"}"
end
context = lambda do |label|
  T.make(T::Context, protocol: 'example', peer: '127.0.0.1:5672', connection_name: label)
end

username = lambda do |session|
  size = 0
  name = T.out('J') do |data|
    size = T.out('J') { |length| T.tokenward_session_username(session, data, length) }
  end
  Fiddle::Pointer.new(name)[0, size]
end

login = lambda do |label, kind, **fields|
  credentials = T.make(T::Credentials, kind: kind, **fields)
  result = nil
  session = T.out('J') do |place|
    result = T.tokenward_authenticate(backend, credentials, context[label], place, error)
  end
  outcome.call(label, result, result == T::OK ? " #{username[session]}" : '')
  session
end

# A client comes in: five kinds of credentials.
alice = token['alice']
T.tokenward_session_release(login['plain', T::SASL_PLAIN, data: "\0alice\0#{alice}"])
T.tokenward_session_release(login['oauthbearer', T::SASL_OAUTHBEARER, data: "n,,\1auth=Bearer #{alice}\1\1"])
T.tokenward_session_release(login['username and password', T::USERNAME_PASSWORD, username: 'alice', password: alice])
T.tokenward_session_release(login['http', T::HTTP_AUTHORIZATION, data: "Bearer #{alice}"])
session = login['bearer', T::BEARER_TOKEN, data: alice]

# Others don't. The reason is for the log; the client hears "refused".
login['expired', T::BEARER_TOKEN, data: token['expired']]
login['forged', T::BEARER_TOKEN, data: token['forged']]
login['not a token', T::USERNAME_PASSWORD, username: 'alice', password: 'secret']
login['opaque', T::HTTP_AUTHORIZATION, data: 'Bearer 2YotnFZFEjr1zCsicMWpAA']
login['empty', T::BEARER_TOKEN]

ask = ->(label, wanted) { puts "#{label}: #{T.verdict(T.tokenward_authorize(session, wanted))}" }
refresh = lambda do |label, name|
  credentials = T.make(T::Credentials, kind: T::BEARER_TOKEN, data: token[name])
  outcome[label, T.tokenward_session_refresh(session, credentials, context[label], error)]
end

# What it may do.
%w[/ other].each do |vhost|
  puts "vhost #{vhost}: #{T.verdict(T.tokenward_session_can_access_vhost(session, vhost, vhost.bytesize))}"
end
ask['read / queue', T.request(T::READ, 'queue')]
ask['write / queue', T.request(T::WRITE, 'queue')]
ask['configure / queue', T.request(T::CONFIGURE, 'queue')]
ask['write / ex', T.request(T::WRITE, 'ex')]
ask['write / ex key "rk.1"', T.request(T::WRITE, 'ex', 'rk.1')]
ask['write / ex key "other"', T.request(T::WRITE, 'ex', 'other')]
ask['write / ex key ""', T.request(T::WRITE, 'ex', '')]
ask['write / ex, a key without its flag',
    T.make(T::Request, operation: T::WRITE, vhost: '/', resource: 'ex', routing_key: 'rk.1')]
ask['topic sensors/room1', T.request(T::READ, 'sensors/room1', flags: T::MQTT_TOPIC)]
ask['topic other', T.request(T::READ, 'other', flags: T::MQTT_TOPIC)]
ask['filter sensors/+/t', T.request(T::READ, 'sensors/+/t', flags: T::MQTT_FILTER)]
ask['filter #', T.request(T::READ, '#', flags: T::MQTT_FILTER)]
ask['filter sensors/+ key of "amq.topic"', T.request(T::READ, 'amq.topic', 'sensors/+', flags: T::MQTT_FILTER)]

# Who it is, until when.
puts "expires at: #{T.out('q') { |place| T.tokenward_session_expires_at(session, place) }}"
puts "tags: #{T.growing_text { |*text| T.tokenward_session_tags(session, *text) }}"

# For the operator.
denied = T.request(T::WRITE, 'ex', 'other')
puts "explain: #{T.growing_text { |*text| T.tokenward_explain(session, denied, *text, error) }}"
status = T.growing_text { |*text| T.tokenward_status(backend, *text, error) }
puts "status has the key: #{status.include?('"kid":"k1"') ? 'yes' : 'no'}"
T.growing_text { |*text| T.tokenward_metrics(backend, *text, error) }.each_line do |line|
  puts "metrics: #{line}" if line.start_with?('tokenward_authentications_total')
end

# It renews its token: fewer rights; and somebody else's token.
refresh['refresh', 'narrower']
ask['read / queue', T.request(T::READ, 'queue')]
ask['write / ex key "rk.1"', T.request(T::WRITE, 'ex', 'rk.1')]
refresh['refresh by bob', 'bob']
ask['read / queue', T.request(T::READ, 'queue')]

# Log lines. The descriptor is the library's: autoclose would close it.
T.tokenward_report_denial(session, denied, context['report'])
fd = T.out('l') { |place| T.tokenward_log_fd(backend, place) }
IO.select([IO.for_fd(fd, autoclose: false)])
loop do
  line = "\0" * T::LOG_LINE_SIZE
  length = 0
  level = T.out('l') do |place|
    length = T.out('J') { |size| T.tokenward_log_read(backend, place, line, line.bytesize, size) }
  end
  break if length.zero?

  puts "log #{level}: #{line[0, length].split.first(3).join(' ')}"
end

# Two threads, each with a session of its own and with one that both use. Fiddle lets other threads run meanwhile.
work = lambda do
  credentials = T.make(T::Credentials, kind: T::BEARER_TOKEN, data: alice)
  own = T.out('J') { |place| T.tokenward_authenticate(backend, credentials, nil, place, nil) }
  allowed = [own, session].sum do |handle|
    500.times.count { T.tokenward_authorize(handle, T.request(T::READ, 'queue')) == T::OK }
  end
  T.tokenward_session_release(own)
  allowed
end
puts "allowed in two rounds: #{Array.new(2) { Thread.new(&work) }.sum(&:value)}"

# The end. Sessions outlive the backend.
T.tokenward_destroy(backend)
ask['after destroy, read / queue', T.request(T::READ, 'queue')]
refresh['after destroy, refresh', 'narrower']
T.tokenward_session_release(session)
puts 'end'
