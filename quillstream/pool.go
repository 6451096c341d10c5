package quillstream

import (
	"time"

	"github.com/seed-f7c3343e/quill"
)

// pool is a message of type HystrixThreadPool: the fields of Hystrix, in its order.
type pool struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	CurrentTime int64  `json:"currentTime"`

	Active    int    `json:"currentActiveCount"`
	Completed uint64 `json:"currentCompletedTaskCount"`
	Core      int    `json:"currentCorePoolSize"`
	Largest   int    `json:"currentLargestPoolSize"`
	Maximum   int    `json:"currentMaximumPoolSize"`
	Size      int    `json:"currentPoolSize"`
	Queued    int    `json:"currentQueueSize"`
	Tasks     uint64 `json:"currentTaskCount"`

	Executed   uint64 `json:"rollingCountThreadsExecuted"`
	MaxActive  int    `json:"rollingMaxActiveThreads"`
	Rejections uint64 `json:"rollingCountCommandRejections"`

	QueueThreshold int   `json:"propertyValue_queueSizeRejectionThreshold"`
	RollingWindow  int64 `json:"propertyValue_metricsRollingStatisticalWindowInMilliseconds"`

	ReportingHosts int `json:"reportingHosts"`
}

// poolUse is what the circuits of one bulkhead did.
type poolUse struct {
	started    uint64 // calls that had a slot, since their circuits were made
	executed   uint64 // those of the window
	rejections uint64
	window     time.Duration // the longest of their windows
}

func (u *poolUse) add(s *quill.Stats) {
	u.started += s.TotalExecution.Count()
	u.executed += s.Execution.Count()
	u.rejections += s.Window.Rejected
	u.window = max(u.window, s.Settings.RollingWindow)
}

// poolOf says of a bulkhead what Hystrix would of a thread pool. peak is the most slots
// taken at once that were seen in the window, largest those since the first look.
func poolOf(name string, b quill.BulkheadStats, u poolUse, now int64, peak, largest int) pool {
	// A call is counted when its caller leaves, which may be before its slot is free.
	completed := u.started - min(u.started, uint64(max(0, b.Abandoned)))
	limit := unlimited(b.MaxConcurrent)
	return pool{
		Type: "HystrixThreadPool", Name: name, CurrentTime: now, ReportingHosts: 1,
		Active: b.InFlight, Size: b.InFlight, Largest: largest, Core: limit, Maximum: limit,
		Queued: b.Queued, Completed: completed,
		Tasks:    completed + uint64(max(0, b.InFlight)) + uint64(max(0, b.Queued)),
		Executed: u.executed, MaxActive: peak, Rejections: u.rejections,
		QueueThreshold: b.QueueSize, RollingWindow: u.window.Milliseconds(),
	}
}
