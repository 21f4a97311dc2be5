// A host in Go, with cgo. usage: host FOLDER; README.md tells what is in it.
package main

// #cgo LDFLAGS: -ltokenward
// #include <poll.h>
// #include <stdlib.h>
// #include <tokenward.h>
import "C"

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"unsafe"
)

var names = []string{"OK", "REFUSED", "NOT_A_TOKEN", "TRY_AGAIN", "ERROR", "DENIED", "EXPIRED"}

// A number that is not in the list is a no as well.
func nameOf(result C.int32_t) string {
	if result >= 0 && int(result) < len(names) {
		return names[result]
	}
	return fmt.Sprintf("no (%d)", result)
}

func verdict(result C.int32_t) string {
	if result == C.TOKENWARD_ALLOWED {
		return "ALLOWED"
	}
	return nameOf(result)
}

// texts are strings in C's memory: a struct that C reads may not have pointers to Go's.
type texts []unsafe.Pointer

func (t *texts) add(s string) C.tokenward_string {
	if s == "" {
		return C.tokenward_string{}
	}
	bytes := C.CBytes([]byte(s))
	*t = append(*t, bytes)
	return C.tokenward_string{data: (*C.char)(bytes), size: C.size_t(len(s))}
}

func (t *texts) free() {
	for _, bytes := range *t {
		C.free(bytes)
	}
}

type credentials struct {
	kind                     C.int32_t
	data, username, password string
}

func (c credentials) inC(t *texts) C.tokenward_credentials {
	return C.tokenward_credentials{
		struct_size: C.sizeof_tokenward_credentials, kind: c.kind,
		data: t.add(c.data), username: t.add(c.username), password: t.add(c.password),
	}
}

type request struct {
	operation  C.int32_t
	resource   string
	routingKey *string // an empty key is another question than no key
	flags      C.uint32_t
}

func (r request) inC(t *texts) C.tokenward_request {
	out := C.tokenward_request{
		struct_size: C.sizeof_tokenward_request, operation: r.operation, flags: r.flags,
		vhost: t.add("/"), resource: t.add(r.resource),
	}
	if r.routingKey != nil {
		out.flags |= C.TOKENWARD_ROUTING_KEY
		out.routing_key = t.add(*r.routingKey)
	}
	return out
}

func withKey(operation C.int32_t, resource, key string) request {
	return request{operation: operation, resource: resource, routingKey: &key}
}

func contextInC(t *texts, label string) C.tokenward_context {
	return C.tokenward_context{
		struct_size: C.sizeof_tokenward_context,
		protocol:    t.add("example"), peer: t.add("127.0.0.1:5672"), connection_name: t.add(label),
	}
}

type session struct{ handle *C.tokenward_session }

func (s session) authorize(r request) C.int32_t {
	var t texts
	defer t.free()
	wanted := r.inC(&t)
	return C.tokenward_authorize(s.handle, &wanted)
}

func (s session) ask(label string, r request) {
	fmt.Printf("%s: %s\n", label, verdict(s.authorize(r)))
}

func (s session) username() string {
	var name *C.char
	var size C.size_t
	C.tokenward_session_username(s.handle, &name, &size)
	return C.GoStringN(name, C.int(size))
}

func (s session) refresh(label, token string) {
	var t texts
	defer t.free()
	renewed := credentials{kind: C.TOKENWARD_BEARER_TOKEN, data: token}.inC(&t)
	context := contextInC(&t, label)
	e := newError()
	outcome(label, C.tokenward_session_refresh(s.handle, &renewed, &context, &e), &e, "")
}

func newError() C.tokenward_error {
	return C.tokenward_error{struct_size: C.sizeof_tokenward_error}
}

func reason(e *C.tokenward_error) string {
	return C.GoString(C.tokenward_reason_name(e.reason)) + ": " + C.GoString(&e.message[0])
}

func outcome(label string, result C.int32_t, e *C.tokenward_error, who string) {
	if result == C.TOKENWARD_OK {
		fmt.Printf("%s: OK%s\n", label, who)
	} else {
		fmt.Printf("%s: %s %s\n", label, nameOf(result), reason(e))
	}
}

type backend struct{ handle *C.tokenward_backend }

func (b backend) login(label string, c credentials) session {
	var t texts
	defer t.free()
	sent := c.inC(&t)
	context := contextInC(&t, label)
	e := newError()
	var s session
	result := C.tokenward_authenticate(b.handle, &sent, &context, &s.handle, &e)
	who := ""
	if result == C.TOKENWARD_OK {
		who = " " + s.username()
	}
	outcome(label, result, &e, who)
	return s
}

// growingText gives what a call writes into a buffer: again with a larger one if it is too small.
func growingText(call func(buffer *C.char, size C.size_t, length *C.size_t) C.int32_t) string {
	for size := C.size_t(256); ; {
		buffer := make([]byte, size)
		var length C.size_t
		if call((*C.char)(unsafe.Pointer(&buffer[0])), size, &length) != C.TOKENWARD_OK {
			panic("no text")
		}
		if length < size {
			return string(buffer[:length])
		}
		size = length + 1
	}
}

func main() {
	folder := os.Args[1]
	token := func(name string) string {
		text, err := os.ReadFile(folder + "/" + name + ".jwt")
		if err != nil {
			panic(err)
		}
		return strings.TrimSpace(string(text))
	}

	if C.tokenward_abi_version()>>16 != C.TOKENWARD_ABI_VERSION>>16 {
		panic("not the library's version 1")
	}
	var t texts
	defer t.free()
	file := (*C.tokenward_string)(C.malloc(C.sizeof_tokenward_string))
	defer C.free(unsafe.Pointer(file))
	*file = t.add(folder + "/tokenward.ini")
	options := C.tokenward_options{
		struct_size: C.sizeof_tokenward_options, config_files: file, config_file_count: 1, startup_wait_ms: 5000,
		log_mode: C.TOKENWARD_LOG_TO_QUEUE, log_level: C.TOKENWARD_LOG_WARNING,
	}
	e := newError()
	var b backend
	if C.tokenward_create(&options, &b.handle, &e) != C.TOKENWARD_OK {
		panic(reason(&e))
	}

	// A client comes in: five kinds of credentials.
	alice := token("alice")
	for _, s := range []session{
		b.login("plain", credentials{kind: C.TOKENWARD_SASL_PLAIN, data: "\x00alice\x00" + alice}),
		b.login("oauthbearer",
			credentials{kind: C.TOKENWARD_SASL_OAUTHBEARER, data: "n,,\x01auth=Bearer " + alice + "\x01\x01"}),
		b.login("username and password",
			credentials{kind: C.TOKENWARD_USERNAME_PASSWORD, username: "alice", password: alice}),
		b.login("http", credentials{kind: C.TOKENWARD_HTTP_AUTHORIZATION, data: "Bearer " + alice}),
	} {
		C.tokenward_session_release(s.handle)
	}
	s := b.login("bearer", credentials{kind: C.TOKENWARD_BEARER_TOKEN, data: alice})

	// Others don't. The reason is for the log; the client hears "refused".
	b.login("expired", credentials{kind: C.TOKENWARD_BEARER_TOKEN, data: token("expired")})
	b.login("forged", credentials{kind: C.TOKENWARD_BEARER_TOKEN, data: token("forged")})
	b.login("not a token", credentials{kind: C.TOKENWARD_USERNAME_PASSWORD, username: "alice", password: "secret"})
	b.login("opaque", credentials{kind: C.TOKENWARD_HTTP_AUTHORIZATION, data: "Bearer 2YotnFZFEjr1zCsicMWpAA"})
	b.login("empty", credentials{kind: C.TOKENWARD_BEARER_TOKEN})

	// What it may do.
	for _, vhost := range []string{"/", "other"} {
		name := t.add(vhost)
		fmt.Printf("vhost %s: %s\n", vhost, verdict(C.tokenward_session_can_access_vhost(s.handle, name.data, name.size)))
	}
	readQueue := request{operation: C.TOKENWARD_READ, resource: "queue"}
	s.ask("read / queue", readQueue)
	s.ask("write / queue", request{operation: C.TOKENWARD_WRITE, resource: "queue"})
	s.ask("configure / queue", request{operation: C.TOKENWARD_CONFIGURE, resource: "queue"})
	s.ask("write / ex", request{operation: C.TOKENWARD_WRITE, resource: "ex"})
	s.ask(`write / ex key "rk.1"`, withKey(C.TOKENWARD_WRITE, "ex", "rk.1"))
	s.ask(`write / ex key "other"`, withKey(C.TOKENWARD_WRITE, "ex", "other"))
	s.ask(`write / ex key ""`, withKey(C.TOKENWARD_WRITE, "ex", ""))
	keyless := request{operation: C.TOKENWARD_WRITE, resource: "ex"}.inC(&t)
	keyless.routing_key = t.add("rk.1")
	fmt.Println("write / ex, a key without its flag:", verdict(C.tokenward_authorize(s.handle, &keyless)))
	s.ask("topic sensors/room1",
		request{operation: C.TOKENWARD_READ, resource: "sensors/room1", flags: C.TOKENWARD_MQTT_TOPIC})
	s.ask("topic other", request{operation: C.TOKENWARD_READ, resource: "other", flags: C.TOKENWARD_MQTT_TOPIC})
	s.ask("filter sensors/+/t",
		request{operation: C.TOKENWARD_READ, resource: "sensors/+/t", flags: C.TOKENWARD_MQTT_FILTER})
	s.ask("filter #", request{operation: C.TOKENWARD_READ, resource: "#", flags: C.TOKENWARD_MQTT_FILTER})
	filterOfExchange := withKey(C.TOKENWARD_READ, "amq.topic", "sensors/+")
	filterOfExchange.flags = C.TOKENWARD_MQTT_FILTER
	s.ask(`filter sensors/+ key of "amq.topic"`, filterOfExchange)

	// Who it is, until when.
	var expiresAt C.int64_t
	C.tokenward_session_expires_at(s.handle, &expiresAt)
	fmt.Println("expires at:", expiresAt)
	fmt.Println("tags:", growingText(func(buffer *C.char, size C.size_t, length *C.size_t) C.int32_t {
		return C.tokenward_session_tags(s.handle, buffer, size, length)
	}))

	// For the operator.
	denied := withKey(C.TOKENWARD_WRITE, "ex", "other").inC(&t)
	fmt.Println("explain:", growingText(func(buffer *C.char, size C.size_t, length *C.size_t) C.int32_t {
		return C.tokenward_explain(s.handle, &denied, buffer, size, length, &e)
	}))
	status := growingText(func(buffer *C.char, size C.size_t, length *C.size_t) C.int32_t {
		return C.tokenward_status(b.handle, buffer, size, length, &e)
	})
	hasKey := "no"
	if strings.Contains(status, `"kid":"k1"`) {
		hasKey = "yes"
	}
	fmt.Println("status has the key:", hasKey)
	metrics := growingText(func(buffer *C.char, size C.size_t, length *C.size_t) C.int32_t {
		return C.tokenward_metrics(b.handle, buffer, size, length, &e)
	})
	for _, line := range strings.Split(metrics, "\n") {
		if strings.HasPrefix(line, "tokenward_authentications_total") {
			fmt.Println("metrics:", line)
		}
	}

	// It renews its token: fewer rights; and somebody else's token.
	s.refresh("refresh", token("narrower"))
	s.ask("read / queue", readQueue)
	s.ask(`write / ex key "rk.1"`, withKey(C.TOKENWARD_WRITE, "ex", "rk.1"))
	s.refresh("refresh by bob", token("bob"))
	s.ask("read / queue", readQueue)

	// Log lines. A goroutine of the broker would wait here for good.
	context := contextInC(&t, "report")
	C.tokenward_report_denial(s.handle, &denied, &context)
	var fd, level C.int32_t
	C.tokenward_log_fd(b.handle, &fd)
	C.poll(&C.struct_pollfd{fd: fd, events: C.POLLIN}, 1, -1)
	for {
		var line [C.TOKENWARD_LOG_LINE_SIZE]C.char
		var length C.size_t
		C.tokenward_log_read(b.handle, &level, &line[0], C.TOKENWARD_LOG_LINE_SIZE, &length)
		if length == 0 {
			break
		}
		fmt.Printf("log %d: %s\n", level, strings.Join(strings.SplitN(C.GoString(&line[0]), " ", 4)[:3], " "))
	}

	// Two goroutines, each with a session of its own and with one that both use.
	var allowed [2]int
	var group sync.WaitGroup
	for i := range allowed {
		group.Add(1)
		go func(count *int) {
			defer group.Done()
			var t texts
			defer t.free()
			sent := credentials{kind: C.TOKENWARD_BEARER_TOKEN, data: alice}.inC(&t)
			var own session
			C.tokenward_authenticate(b.handle, &sent, nil, &own.handle, nil)
			for _, each := range []session{own, s} {
				for n := 0; n < 500; n++ {
					if each.authorize(readQueue) == C.TOKENWARD_ALLOWED {
						*count++
					}
				}
			}
			C.tokenward_session_release(own.handle)
		}(&allowed[i])
	}
	group.Wait()
	fmt.Println("allowed in two rounds:", allowed[0]+allowed[1])

	// The end. Sessions outlive the backend.
	C.tokenward_destroy(b.handle)
	s.ask("after destroy, read / queue", readQueue)
	s.refresh("after destroy, refresh", token("narrower"))
	C.tokenward_session_release(s.handle)
	fmt.Println("end")
}
