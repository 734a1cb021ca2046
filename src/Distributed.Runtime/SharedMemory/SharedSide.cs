using System.Text;

namespace Distributed.Runtime.SharedMemory;

internal enum SideState
{
    /// <summary>A fresh file is all zeros: nobody has come yet.</summary>
    Absent = 0,
    Open = 1,

    /// <summary>It has ended in order: all that it wrote counts.</summary>
    Closed = 2,

    /// <summary>It has given up, for a reason that it states.</summary>
    Left = 3,
}

/// <summary>What one side of a ring tells the other about itself.</summary>
internal readonly unsafe struct SharedSide(byte* memory)
{
    internal const int Bytes = 1024;

    private const int TextAt = 8;

    private readonly int* _state = (int*)memory;
    private readonly int* _textBytes = (int*)(memory + sizeof(int));
    private readonly byte* _text = memory + TextAt;

    internal SideState State => (SideState)Volatile.Read(ref *_state);

    /// <summary>With a reason where it has left, cut off if that was too long.</summary>
    internal (SideState State, string Reason) Ask()
    {
        var state = State;
        if (state != SideState.Left) return (state, "");
        var textBytes = Math.Clamp(*_textBytes, 0, Bytes - TextAt);
        return (state, Encoding.UTF8.GetString(_text, textBytes));
    }

    internal void Open() => Volatile.Write(ref *_state, (int)SideState.Open);

    /// <summary>The first way to go is the one that counts.</summary>
    internal void Go(SideState state, string reason)
    {
        if (State is SideState.Closed or SideState.Left) return;
        Encoding.UTF8.GetEncoder().Convert(
            reason, new Span<byte>(_text, Bytes - TextAt), flush: true, out _, out var used, out _);
        *_textBytes = used;
        Volatile.Write(ref *_state, (int)state);
    }
}
