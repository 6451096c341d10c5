package plugins

import (
	"net"
	"strings"
	"sync"
	"time"
)

// sendPatience is how long a datagram may take to leave by a unix socket, which waits where its
// reader does not read.
const sendPatience = time.Millisecond

// packets gathers lines and sends them as datagrams: when one is full, and after a while.
// It holds no goroutine; a timer stands by only while lines wait. Its methods are safe for
// concurrent use and wait for the network no longer than sendPatience: a datagram is sent by
// then, or lost.
type packets struct {
	send     func(packet []byte) error
	most     int           // bytes of a datagram
	mostSize int           // lines of a datagram; 0: no limit
	every    time.Duration // how long a line may wait

	mu    sync.Mutex
	buf   []byte
	lines int
	timer *time.Timer
}

// dialPackets returns packets for an address: host:port by UDP, or unix:// and a path.
func dialPackets(addr string) (*packets, error) {
	if path, ok := strings.CutPrefix(addr, "unix://"); ok {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
		if err != nil {
			return nil, err
		}
		return &packets{send: func(p []byte) error {
			_ = conn.SetWriteDeadline(time.Now().Add(sendPatience)) // fails as Write does
			_, err := conn.Write(p)
			return err
		}}, nil
	}
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	// Not connected: nobody need listen there yet, and a refusal is no error of the sender.
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, err
	}
	return &packets{send: func(p []byte) error { _, err := conn.WriteToUDP(p, to); return err }}, nil
}

// add sends a line sooner or later. An error is that of the datagram which had to go first,
// or went because it was full.
func (p *packets) add(line string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	if len(p.buf) > 0 && len(p.buf)+1+len(line) > p.most {
		err = p.flushLocked()
	}
	if len(p.buf) > 0 {
		p.buf = append(p.buf, '\n')
	}
	p.buf = append(p.buf, line...)
	p.lines++
	if len(p.buf) >= p.most || p.lines == p.mostSize {
		if e := p.flushLocked(); e != nil {
			err = e
		}
		return err
	}
	if p.timer == nil {
		p.timer = time.AfterFunc(p.every, p.flush)
	}
	return err
}

func (p *packets) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.flushLocked() // datagrams are sent or lost
}

func (p *packets) flushLocked() error {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	if len(p.buf) == 0 {
		return nil
	}
	err := p.send(p.buf)
	p.buf, p.lines = p.buf[:0], 0
	return err
}
