using Distributed.Training.Checkpoints;

namespace Distributed.Training.Tests.Checkpoints;

/// <summary>A process that dies: nothing runs after it, not even the handling of errors.</summary>
internal sealed class ProcessDiedException : Exception;

/// <summary>
/// The real disk until an operation of a chosen number, which throws. A write counts as one, and
/// is then written by half.
/// </summary>
internal sealed class FaultyFiles(int failAt, Func<Exception> failure) : IDurableFiles
{
    private readonly DurableFiles real = new();

    public int Operations { get; private set; }

    public Stream Create(string path)
    {
        Count();
        return new FaultyStream(this, real.Create(path));
    }

    public void Flush(Stream file)
    {
        Count();
        real.Flush(((FaultyStream)file).Inner);
    }

    public void FlushFolder(string path)
    {
        Count();
        real.FlushFolder(path);
    }

    public void MoveFolder(string source, string target)
    {
        Count();
        real.MoveFolder(source, target);
    }

    private void Count()
    {
        if (Operations++ == failAt)
            throw failure();
    }

    private sealed class FaultyStream(FaultyFiles files, Stream inner) : Stream
    {
        public Stream Inner => inner;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => inner.Length;

        public override long Position
        {
            get => inner.Position;
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (files.Operations == files.FailAt)
                inner.Write(buffer[..(buffer.Length / 2)]);
            files.Count();
            inner.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) =>
            Write(buffer.AsSpan(offset, count));

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) =>
            throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) =>
            throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }

    private int FailAt => failAt;
}
