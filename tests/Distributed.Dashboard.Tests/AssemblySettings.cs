// The engine sets its threads for the whole process, and browsers take what a machine has.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
