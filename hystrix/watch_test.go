package hystrix_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/hystrix"
)

// A line that another goroutine writes is written when the command returns, all the same.
func TestKeptLogLinesAreWrittenBeforeTheCommandReturns(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		log := &slowLines{}
		hystrix.SetLogger(log)
		defer hystrix.SetLogger(nil)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 1, SleepWindow: 1})
		opening := hystrix.Go(name, sick, nil)
		pass(2 * time.Millisecond)
		require.NoError(t, hystrix.Do(name, well, nil))
		require.Len(t, log.text(), 3, "opening, allowing, closing")
		require.Equal(t, errSick, <-opening)
	})
}

// The result that fills the volume may be a success, which opens the circuit all the same.
func TestKeptASuccessCanOpenTheCircuitAndIsLogged(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		log, book := listen(t), collect(t, name)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 2})
		_ = hystrix.Do(name, sick, nil)
		require.NoError(t, hystrix.Do(name, well, nil))
		require.Equal(t, []string{"hystrix-go: opening circuit " + name}, log.text())
		resets := book.resets
		pass(5 * time.Second)
		require.NoError(t, hystrix.Do(name, well, nil))
		require.Equal(t, resets+1, book.resets)
	})
}

// slowLines takes its time.
type slowLines struct{ lines }

func (l *slowLines) Printf(format string, items ...any) {
	pass(30 * time.Millisecond)
	l.lines.Printf(format, items...)
}

// The process goes on: whoever could have recovered the panic has gone.
func TestMendedAPanicOfAbandonedWorkIsCountedAndLogged(t *testing.T) {
	for what, start := range map[string]func(name string, run func() error) error{
		"Do": func(name string, run func() error) error { return hystrix.Do(name, run, nil) },
		"Go": func(name string, run func() error) error { return <-hystrix.Go(name, run, nil) },
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, name string) {
				log := listen(t)
				hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 10})
				err := start(name, func() error { pass(time.Second); panic("much too late") })
				require.Equal(t, hystrix.ErrTimeout, err)
				pass(2 * time.Second)
				require.EqualValues(t, 1, hystrix.QuillCircuit(name).Stats().Panics)
				require.Len(t, log.text(), 1)
				require.Contains(t, log.text()[0], "hystrix-go: command "+name+" panicked after its caller had left: much too late\n")
				require.NoError(t, hystrix.Do(name, well, nil), "its slot is back")
			})
		})
	}
}
