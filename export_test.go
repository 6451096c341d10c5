package quill

// DismissWorkers ends the idle workers of b at once. Outside a bubble a pool keeps them
// warm for a while, which a test that looks for leaked goroutines must not wait for.
func (b *Bulkhead) DismissWorkers() {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &b.pool
	if p.reaper != nil {
		p.reaper.Stop()
	}
	for p.all.Load() != nil { // else take would wait for ever for a pool that went wrong
		w := p.take()
		if w == nil {
			break
		}
		w.tasks <- nil
	}
	p.watched.Store(false)
}

// IdleWorkers is how many workers wait for a task.
func (b *Bulkhead) IdleWorkers() int { return len(b.idleWorkers()) }

// TakeSlot takes a slot, past all circuits, and returns how to give it back.
func (b *Bulkhead) TakeSlot() (free func()) {
	if _, ok := b.acquire(); !ok {
		panic("the bulkhead is full")
	}
	return b.release
}

// MostPending is how many notifications of a circuit may wait.
const MostPending = mostPending
