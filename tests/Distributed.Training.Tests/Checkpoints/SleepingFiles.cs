using Distributed.Training.Checkpoints;

namespace Distributed.Training.Tests.Checkpoints;

/// <summary>
/// The real disk of a process that stands still before an operation of a chosen number, while
/// others go on.
/// </summary>
internal sealed class SleepingFiles(int sleepAt, Action meanwhile) : IDurableFiles
{
    private readonly DurableFiles real = new();
    private int operations;

    public bool HasSlept { get; private set; }

    public Stream Create(string path)
    {
        Sleep();
        return real.Create(path);
    }

    public void Flush(Stream file)
    {
        Sleep();
        real.Flush(file);
    }

    public void FlushFolder(string path)
    {
        Sleep();
        real.FlushFolder(path);
    }

    public void MoveFolder(string source, string target)
    {
        Sleep();
        real.MoveFolder(source, target);
    }

    private void Sleep()
    {
        if (operations++ != sleepAt)
            return;
        HasSlept = true;
        meanwhile();
    }
}
