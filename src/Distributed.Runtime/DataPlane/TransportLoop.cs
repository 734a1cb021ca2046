using System.Runtime.InteropServices;
using Distributed.Runtime.DataPlane.Http2;
using Distributed.Runtime.SharedMemory;
using Microsoft.Win32.SafeHandles;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// Waits for the sockets of a transport. One thread at a time does so for all: the one that needs
/// something, so that its frames reach it without a change of threads, or, while nobody does, a
/// thread of its own, which sends what is queued, holds what arrives, and notices lost peers.
/// </summary>
/// <remarks>
/// Everything is done under the gate but the wait itself. Whoever waits for a socket while another
/// thread does so already waits for that thread instead.
/// </remarks>
internal sealed unsafe class TransportLoop : IDisposable
{
    /// <summary>Every peer's frames are wanted, not those of one.</summary>
    internal const int Everyone = -1;

    /// <summary>
    /// As long as one caller follows another, the own thread only looks from time to time whether
    /// it is still so: soon, where bytes wait to be sent.
    /// </summary>
    private const int BusyTickMs = 1;

    private const int QuietTickMs = 20;

    /// <summary>
    /// After so long a wait for one peer the others are read as well: they may ask for a sign of
    /// life.
    /// </summary>
    private const int PatienceMs = 250;

    private const int Inbound = 0;
    private const int Outbound = 1;

    private readonly object _gate;
    private readonly PeerInbox?[] _inboxes;
    private readonly PeerSender?[] _senders;
    private readonly Func<long, long> _watch;
    private readonly SafeFileHandle _wake = LibC.CreateEvent();
    private readonly LibC.PollEntry* _entries;
    private readonly int _entryCount;
    private bool _isPolled;
    private bool _isEnded;
    private int _followers;
    private long _calls;

    /// <param name="gate">Guards all of the transport.</param>
    /// <param name="inboxes">By peer; none for this rank.</param>
    /// <param name="senders">By peer; none for this rank.</param>
    /// <param name="watch">
    /// Does what is due at the time given, in milliseconds, and returns when to be called again.
    /// </param>
    internal TransportLoop(
        object gate, PeerInbox?[] inboxes, PeerSender?[] senders, Func<long, long> watch)
    {
        (_gate, _inboxes, _senders, _watch) = (gate, inboxes, senders, watch);
        _entryCount = 2 * inboxes.Length + 1;
        _entries = (LibC.PollEntry*)NativeMemory.AllocZeroed(
            (nuint)_entryCount, (nuint)sizeof(LibC.PollEntry));
    }

    internal void Start()
    {
        var thread = new Thread(Run, maxStackSize: 256 * 1024)
        {
            IsBackground = true,
            Name = "data-plane",
        };
        thread.Start();
    }

    /// <summary>
    /// Returns when something may have changed, at the latest at the deadline. The caller holds
    /// the gate, which others may take meanwhile.
    /// </summary>
    internal void Wait(int wanted, long deadlineMs = long.MaxValue)
    {
        _calls++;
        if (!_isPolled)
        {
            Lead(wanted, deadlineMs);
            return;
        }

        _followers++;
        Monitor.Wait(_gate, TimeUntil(deadlineMs));
        _followers--;
    }

    /// <summary>Has whoever waits for the sockets wait for room to send as well.</summary>
    internal void NoteSent(PeerSender sender)
    {
        _calls++;
        if (_isPolled && sender.WantsToWrite) LibC.Signal(_wake);
    }

    /// <summary>Has whoever waits for the sockets look at what it waits for again.</summary>
    internal void Wake()
    {
        if (_isPolled) LibC.Signal(_wake);
        Monitor.PulseAll(_gate);
    }

    /// <summary>Ends the own thread.</summary>
    public void Dispose()
    {
        _isEnded = true;
        Wake();
    }

    private void Run()
    {
        lock (_gate)
        {
            var calls = _calls;
            while (!_isEnded)
            {
                if (_isPolled || calls != _calls)
                {
                    calls = _calls;
                    Monitor.Wait(_gate, HasUnsent() ? BusyTickMs : QuietTickMs);
                }
                else
                {
                    Lead(Everyone, long.MaxValue);
                }
            }

            while (_isPolled) Monitor.Wait(_gate, QuietTickMs);
        }

        _wake.Dispose();
        NativeMemory.Free(_entries);
    }

    private void Lead(int wanted, long deadlineMs)
    {
        var due = Math.Min(_watch(Environment.TickCount64), deadlineMs);
        if (_isEnded) return;
        var time = TimeUntil(due);
        if (wanted != Everyone && (time < 0 || time > PatienceMs)) time = PatienceMs;
        Prepare(wanted);
        _isPolled = true;
        Monitor.Exit(_gate);
        int ready;
        try
        {
            ready = LibC.Poll(_entries, (nuint)_entryCount, time);
        }
        finally
        {
            Monitor.Enter(_gate);
            _isPolled = false;
        }

        if (ready > 0) Dispatch();
        else if (wanted != Everyone) PumpAll();
        if (_followers > 0) Monitor.PulseAll(_gate);
    }

    /// <summary>Says of every socket what is waited for; a lost connection always is.</summary>
    private void Prepare(int wanted)
    {
        for (var peer = 0; peer < _inboxes.Length; peer++)
        {
            var inbox = _inboxes[peer];
            var events = wanted == Everyone || wanted == peer
                ? ByteChannel.Readable
                : ByteChannel.HungUp;
            if (inbox?.Connection is { HasOutput: true }) events |= ByteChannel.Writable;
            Set(
                2 * peer + Inbound, inbox is { WantsToRead: true } ? inbox.Connection : null,
                events);

            events = ByteChannel.Readable;
            if (_senders[peer] is { WantsToWrite: true }) events |= ByteChannel.Writable;
            Set(2 * peer + Outbound, _senders[peer]?.Connection, events);
        }

        _entries[_entryCount - 1] = new LibC.PollEntry
        {
            Descriptor = (int)_wake.DangerousGetHandle(),
            Wanted = ByteChannel.Readable,
        };
    }

    private void Set(int entry, Http2Connection? connection, short events) =>
        _entries[entry] = new LibC.PollEntry
        {
            Descriptor = connection?.Channel.Descriptor ?? -1,
            Wanted = events,
        };

    private void Dispatch()
    {
        if (_entries[_entryCount - 1].Happened != 0) LibC.Reset(_wake);
        var now = Environment.TickCount64;
        for (var peer = 0; peer < _inboxes.Length; peer++)
        {
            // First, because it brings the reason where a peer leaves.
            if (_entries[2 * peer + Outbound].Happened is var happened and not 0)
            {
                if ((happened & ByteChannel.Writable) != 0) _senders[peer]?.Pump();
                if ((happened & ~ByteChannel.Writable) != 0) _senders[peer]?.TakeAnswers(now);
            }

            if (_entries[2 * peer + Inbound].Happened != 0) _inboxes[peer]?.Pump();
        }
    }

    private void PumpAll()
    {
        foreach (var inbox in _inboxes)
            inbox?.Pump();
    }

    private bool HasUnsent()
    {
        foreach (var sender in _senders)
            if (sender is { HasUnsent: true }) return true;
        return false;
    }

    /// <summary>In milliseconds, as poll and Monitor take it.</summary>
    private static int TimeUntil(long deadlineMs) => deadlineMs == long.MaxValue
        ? Timeout.Infinite
        : (int)Math.Clamp(deadlineMs - Environment.TickCount64, 0, int.MaxValue);
}
