using Distributed.Cli.Output;
using Distributed.Cluster.Jobs;
using Distributed.Training.Data;

namespace Distributed.Cli.Nodes;

/// <summary>
/// Says on standard error what a first fetch of a dataset is doing, once a stage.
/// </summary>
internal sealed class DatasetLine(RunEventPrinter printer) : IProgress<DatasetProgress>
{
    private string _said = "";

    public void Report(DatasetProgress value)
    {
        if (value.Text == _said)
            return;
        _said = value.Text;
        printer.Print(new Notice(value.Text));
    }
}
