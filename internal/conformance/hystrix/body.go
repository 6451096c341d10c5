package hystrix

import (
	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// body is a run or a fallback that is under way.
type body struct {
	command *command
	wait    *wait // what it waits for
}

// wait is what a body waits for: a time or a gate.
type wait struct {
	stubborn bool
	over     bool
	resume   func(interrupted bool)
}

// gate lets everybody wait until it is released.
type gate struct {
	released bool
	waiting  []*wait
}

func (m *model) gate(name string) *gate {
	if m.gates[name] == nil {
		m.gates[name] = &gate{}
	}
	return m.gates[name]
}

func (g *gate) release() {
	g.released = true
	waiting := g.waiting
	g.waiting = nil
	for _, w := range waiting {
		w.end(false)
	}
}

func (w *wait) end(interrupted bool) {
	if !w.over {
		w.over = true
		w.resume(interrupted)
	}
}

// interrupt interrupts what the body waits for.
func (t *body) interrupt() {
	if w := t.wait; w != nil && !w.over && !w.stubborn {
		t.command.did.Interrupted++
		w.end(true)
	}
}

// do does what b says, and then goes on with its value or error.
func (m *model) do(t *body, b *oracle.Body, then func(string, *failure)) {
	fail := func(code string, what kind) { then("", &failure{code, what}) }
	switch b.Do {
	case "value":
		then(either(b.Value, "ok"), nil)
	case "fail":
		fail("user:"+either(b.Message, "boom"), plain)
	case "badRequest":
		fail("badRequest:"+either(b.Message, "bad"), badRequest)
	case "notWrapped":
		fail("notWrapped:plain", notWrapped)
	case "unsupported":
		fail("unsupported", unsupported)
	case "javaError":
		fail("javaError:Error", javaError)
	case "stackOverflow":
		what := fatal
		if !m.does(ErrorCaught) {
			what = javaError
		}
		fail("javaError:StackOverflowError", what)
	case "call":
		inner := m.newCall(b.Cmd, b.Run, b.Fallback, "")
		inner.then = func(k *call) { then(k.passOn()) }
		inner.execute()
	case "sleep", "gate":
		m.wait(t, b, then)
	}
}

func (m *model) wait(t *body, b *oracle.Body, then func(string, *failure)) {
	w := &wait{stubborn: b.Stubborn}
	w.resume = func(interrupted bool) {
		switch {
		case interrupted:
			then("", &failure{code: "interrupted"})
		case b.Then != nil:
			m.do(t, b.Then, then)
		default:
			then("ok", nil)
		}
	}
	switch {
	case b.Do == "sleep":
		t.wait = w
		m.at(m.now+b.MS, func() { w.end(false) })
	case m.gate(b.Gate).released:
		w.end(false)
	default:
		t.wait = w
		g := m.gate(b.Gate)
		g.waiting = append(g.waiting, w)
	}
}

func either(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// passOn is the result of a call as a body of its caller has it.
func (k *call) passOn() (string, *failure) {
	switch {
	case !k.failedForCaller():
		return k.value, nil
	case k.primary == "BAD_REQUEST", k.isRaw():
		return "", k.cause
	case k.panics():
		return "", k.cause
	}
	return "", &failure{code: "command:" + k.failureType()}
}
