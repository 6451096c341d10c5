package quillstream

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// worldDir is where the documents of the virtual world go, for the pictures of the docs:
// browsertest asks for them.
var worldDir = flag.String("world", "", "write the documents of the virtual world into this folder")

// dependency is what a command of the world asks: at each moment it has a latency and a
// share of failures.
type dependency struct {
	name     string
	rate     float64 // calls a second
	usual    time.Duration
	settings quill.Settings
	steps    []string
	shadow   *quill.Settings
	// at turns it ill: it is told how long the world is old.
	at func(age time.Duration) (slower time.Duration, failing float64)
}

var errUpstream = []error{
	errors.New("Get \"http://10.20.0.14:8080/v2/quote\": dial tcp 10.20.0.14:8080: connect: connection refused"),
	errors.New("503 Service Unavailable: upstream connect error or disconnect/reset before headers"),
	errors.New("unexpected EOF"),
}

func between(age, from, to time.Duration) bool { return age >= from && age < to }

// world is a shop at night, seen for twenty minutes and more: one dependency is down for
// good, one flaps, one is slow, the others are well.
func world(length time.Duration) []dependency {
	steady := func(time.Duration) (time.Duration, float64) { return 0, 0.002 }
	s := func(timeout time.Duration, places int) quill.Settings {
		return quill.Settings{Isolation: quill.Semaphore, Timeout: timeout, MaxConcurrent: places}
	}
	slowly := s(900*time.Millisecond, 24)
	slowly.SlowCallDuration, slowly.SlowCallPercentThreshold = 400*time.Millisecond, 60
	patient := s(2*time.Second, 16)
	patient.SleepWindow, patient.MaxSleepWindow = 8*time.Second, time.Minute
	tighter := s(250*time.Millisecond, 3)
	return []dependency{
		{
			name: "shipping.quote", rate: 18, usual: 42 * time.Millisecond, settings: s(800*time.Millisecond, 20),
			steps: []string{"shipping.flat-rate", "last", "default"},
			at: func(age time.Duration) (time.Duration, float64) {
				if between(age, length-12*time.Minute, length-9*time.Minute-30*time.Second) || age > length-100*time.Second {
					return 30 * time.Millisecond, 0.93
				}
				return 0, 0.004
			},
		},
		{
			name: "payment.authorize", rate: 9, usual: 130 * time.Millisecond, settings: patient,
			at: func(age time.Duration) (time.Duration, float64) {
				if between(age, length-7*time.Minute, length-6*time.Minute) {
					return 0, 0.72
				}
				return 0, 0.003
			},
		},
		{
			name: "recommendations", rate: 31, usual: 65 * time.Millisecond, settings: slowly, steps: []string{"bestsellers"},
			at: func(age time.Duration) (time.Duration, float64) {
				if age > length-4*time.Minute {
					return 240 * time.Millisecond, 0.01
				}
				return 0, 0.01
			},
		},
		{
			name: "inventory.stock", rate: 26, usual: 18 * time.Millisecond, settings: s(300*time.Millisecond, 12), steps: []string{"last"},
			at: func(age time.Duration) (time.Duration, float64) {
				if age > length-45*time.Second {
					return 0, 0.34
				}
				return 0, 0.01
			},
		},
		{name: "catalog.search", rate: 44, usual: 24 * time.Millisecond, settings: s(500*time.Millisecond, 40), at: steady},
		{name: "catalog.product", rate: 38, usual: 9 * time.Millisecond, settings: s(250*time.Millisecond, 40), steps: []string{"last"}, at: steady},
		{name: "cart.load", rate: 22, usual: 6 * time.Millisecond, settings: s(200*time.Millisecond, 30), at: steady},
		{name: "session.verify", rate: 52, usual: 3 * time.Millisecond, settings: s(150*time.Millisecond, 50), at: steady},
		{name: "reviews.list", rate: 7, usual: 85 * time.Millisecond, settings: s(time.Second, 10), steps: []string{"default"}, at: steady},
		{name: "tax.rate", rate: 4, usual: 12 * time.Millisecond, settings: s(400*time.Millisecond, 10), at: steady},
		{name: "email.receipt", rate: 1.5, usual: 210 * time.Millisecond, settings: s(3*time.Second, 6), at: steady},
		{name: "fraud.score", rate: 8, usual: 95 * time.Millisecond, settings: s(700*time.Millisecond, 12), at: steady, shadow: &tighter},
		{name: "search.suggest", rate: 0, settings: s(200*time.Millisecond, 10), at: steady},
		{name: "legacy.erp", rate: 0, settings: s(5*time.Second, 4), at: steady},
	}
}

// play makes the calls of a dependency until the context ends.
func (d dependency) play(ctx context.Context, wg *sync.WaitGroup, reg *quill.Registry, born time.Time) {
	dice := rand.New(rand.NewPCG(7, uint64(len(d.name))))
	var mu sync.Mutex
	draw := func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return dice.Float64()
	}
	ask := quill.New(d.name, func(ctx context.Context, _ string) (string, error) {
		slower, failing := d.at(time.Since(born))
		// Most calls are near the usual, a few take many times as long.
		took := time.Duration(float64(d.usual) * math.Exp(0.45*math.Sqrt(-2*math.Log(1-draw()))*math.Cos(2*math.Pi*draw())))
		select {
		case <-time.After(took + time.Duration(draw()*2*float64(slower))):
		case <-ctx.Done():
			return "", ctx.Err()
		}
		if draw() < failing {
			return "", errUpstream[int(draw()*float64(len(errUpstream)))]
		}
		return "answer", nil
	}, d.settings, quill.WithRegistry(reg))
	if d.shadow != nil {
		if err := ask.Circuit().SetShadow(*d.shadow); err != nil {
			panic(err)
		}
	}
	for i, step := range d.steps {
		ask = ask.Fallback(step, func(context.Context, string, error) (string, error) {
			if i < len(d.steps)-1 && draw() < 0.5 {
				return "", errors.New("not here either")
			}
			return "fallback", nil
		})
	}
	for d.rate > 0 && ctx.Err() == nil {
		wave := 1 + 0.25*math.Sin(time.Since(born).Seconds()/97+d.rate)
		pause := time.Duration(float64(time.Second) / (d.rate * wave) * (0.3 + 1.4*draw()))
		select {
		case <-time.After(pause):
			wg.Go(func() { _, _ = ask.Do(context.Background(), "") })
		case <-ctx.Done():
		}
	}
}

// inWorld plays the world for the given time, in virtual time, and then calls f.
func inWorld(t *testing.T, length time.Duration, f func(b *Board, reg *quill.Registry)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(14*time.Hour + 7*time.Minute) // a time of day for the pictures
		reg := quill.NewRegistry()
		b := Dashboard(reg, WithHost("web-1"), WithAdmin(Admin{Authorize: func(*http.Request) error { return nil }}))
		defer b.Close()
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		defer func() { // also where f ends the test: who is still asking would pass for a deadlock
			cancel()
			wg.Wait()
		}()
		born := time.Now()
		for _, d := range world(length) {
			wg.Go(func() { d.play(ctx, &wg, reg, born) })
		}
		time.Sleep(length - time.Minute)
		erp, ok := reg.Lookup("legacy.erp")
		require.True(t, ok)
		require.NoError(t, erp.Override(quill.ForceOpen, time.Hour, "maintenance window until 15:30, ticket OPS-1182"))
		time.Sleep(time.Minute + period/2) // never at the moment of a look
		f(b, reg)
	})
}

// read asks the board for a document.
func read(t *testing.T, b *Board, path string, into any) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), into))
	return w.Body.Bytes()
}

func TestHistoryIsThereAtFirstSight(t *testing.T) {
	length := 21 * time.Minute
	if testing.Short() || *worldDir == "" {
		length = 14 * time.Minute
	}
	inWorld(t, length, func(b *Board, _ *quill.Registry) {
		var now snapshotView
		var sparks sparksView
		documents := map[string][]byte{
			"now.json":    read(t, b, "/data/now", &now),
			"sparks.json": read(t, b, "/data/sparks", &sparks),
		}
		require.Len(t, now.Hosts, 1)
		require.Len(t, now.Hosts[0].Commands, 14)
		for _, c := range now.Hosts[0].Commands {
			var d detailView
			documents[url.QueryEscape(c.Name)+".json"] = read(t, b, "/data/command?name="+url.QueryEscape(c.Name), &d)
			if c.Total == 0 {
				require.Empty(t, d.History.Passed, c.Name)
				continue
			}
			// The first look finds no circuits, the next begins the records; one is to spare.
			require.InDelta(t, length/period-1, len(d.History.Passed), 1, c.Name)
			require.Len(t, sparks.Hosts[0].Commands[c.Name].Calls, sparkLong)
		}
		if *worldDir == "" {
			return
		}
		for name, text := range documents {
			dated := strings.ReplaceAll(string(text), "2000-01-01T", "TODAY") // the page says the day of other days
			require.NoError(t, os.WriteFile(filepath.Join(*worldDir, name), []byte(dated), 0o600))
		}
	})
}
