package hystrix

import "slices"

// pool is a thread pool.
type pool struct {
	model   *model
	props   PoolProps
	active  int
	threads int // that were started, busy or not
	queue   []*call
}

// submit runs a call in a thread, or has it wait for one. It reports whether there was
// room.
func (p *pool) submit(k *call) bool {
	p.grow()
	switch run, wait := p.room(); {
	case run:
		p.start(k)
	case wait:
		k.queued = true
		p.queue = append(p.queue, k)
	default:
		return false
	}
	return true
}

// grow starts threads for those who wait, where the core has grown. Hystrix looks only when
// a call comes.
func (p *pool) grow() {
	for len(p.queue) > 0 && p.active < p.props.Core {
		k := p.queue[0]
		p.queue = p.queue[1:]
		p.start(k)
	}
}

// room says whether a call can run at once, and whether it can wait.
func (p *pool) room() (run, wait bool) {
	m, q := p.model, p.props.Queue
	if q > 0 && p.props.Threshold == 0 {
		if m.does(ZeroIsZero) {
			return false, false
		}
		return p.active < p.props.Core, false
	}
	if !m.does(TwoPoolSizes) {
		most, places := p.props.Limits()
		return p.active < most, len(p.queue) < places
	}
	switch {
	case q > 0 && len(p.queue) >= p.props.Threshold:
		return false, false
	case p.active < max(p.props.Core, min(p.threads, p.most())):
		return true, false
	case q > 0 && len(p.queue) < q:
		return false, true
	}
	return p.active < p.most(), false
}

// most is how many threads there can be.
func (p *pool) most() int {
	if p.props.Diverge {
		return max(p.props.Core, p.props.Maximum)
	}
	return p.props.Core
}

func (p *pool) start(k *call) {
	p.active++
	p.threads = max(p.threads, p.active)
	k.queued, k.hasSlot = false, true
	k.enter()
}

// leave gives a thread back.
func (p *pool) leave() {
	p.active--
	if len(p.queue) > 0 {
		k := p.queue[0]
		p.queue = p.queue[1:]
		p.start(k)
	}
}

// forget takes a call out of the queue.
func (p *pool) forget(k *call) {
	if k.queued {
		k.queued = false
		p.queue = slices.DeleteFunc(p.queue, func(x *call) bool { return x == k })
	}
}
