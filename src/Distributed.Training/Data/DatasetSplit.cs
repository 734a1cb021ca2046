namespace Distributed.Training.Data;

public enum DatasetSplit
{
    Train,
    Test,
}
