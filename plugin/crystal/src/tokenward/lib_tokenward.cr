# The types of abi/tokenward.h, as C lays them out. Tokenward::Library looks the functions up at run time: so a program
# starts where the library isn't installed, and can say so.
lib LibTokenward
  ABI_VERSION = 0x0001_0000_u32

  # Every result of every function; 0 is a yes, and nothing else is.
  OK          = 0
  ALLOWED     = 0
  REFUSED     = 1
  NOT_A_TOKEN = 2
  TRY_AGAIN   = 3
  ERROR       = 4
  DENIED      = 5
  EXPIRED     = 6

  LOG_ERROR   = 1
  LOG_WARNING = 2
  LOG_INFO    = 3
  LOG_DEBUG   = 4

  LOG_TO_STDERR =    0
  LOG_TO_QUEUE  =    2
  LOG_LINE_SIZE = 2048

  MQTT_FILTER     = 0x1_u32
  MQTT_TOPIC      = 0x2_u32
  ROUTING_KEY     = 0x4_u32
  PAST_END        = 0x8_u32
  CLIENT_ID_BOUND = 0x1_u64
  LAST_BACKEND    = 0x2_u64
  ASKS_AGAIN      = 0x4_u64

  REASON_INVALID_ARGUMENT = 100
  REASON_BACKEND_CLOSED   = 103
  REASON_RESOURCE_LIMIT   = 108

  struct Text # tokenward_string
    data : UInt8*
    size : LibC::SizeT
  end

  struct Options
    struct_size : LibC::SizeT
    config_files : Text*
    config_file_count : LibC::SizeT
    config_json : Text
    log : Void*
    log_user : Void*
    log_mode : Int32
    log_level : Int32
    startup_wait_ms : UInt32
    max_wait_ms : UInt32
  end

  struct Credentials
    struct_size : LibC::SizeT
    kind : Int32
    flags : UInt32
    data : Text
    username : Text
    password : Text
  end

  struct Context
    struct_size : LibC::SizeT
    protocol : Text
    peer : Text
    client_id : Text
    connection_name : Text
    listener : Text
    client_certificate_sha256 : Text
    flags : UInt64
  end

  struct Request
    struct_size : LibC::SizeT
    operation : Int32
    flags : UInt32
    vhost : Text
    resource : Text
    routing_key : Text
  end

  struct Error
    struct_size : LibC::SizeT
    reason : Int32
    retry_after_ms : Int32
    message : UInt8[512]
    hint : UInt8[512]
  end
end
