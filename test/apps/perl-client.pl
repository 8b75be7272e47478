#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# A client with Net::DBus. Prints 'yes what' or 'no what: why' for each thing it tries.

use strict;
use warnings;
use Net::DBus;
use Net::DBus::Reactor;

my $wrong = 0;

sub tell_of {
    my ($what, $right, $why) = @_;
    print $right ? "yes $what\n" : "no $what: " . ($why // "another result") . "\n";
    $wrong += !$right;
}

my $reactor = Net::DBus::Reactor->main;
my $object = Net::DBus->session->get_service("com.example.Sample")
    ->get_object("/com/example/Sample", "com.example.Sample1");

tell_of("has a text echoed", $object->Echo("text") eq "text");
tell_of("has numbers added", $object->Add(-5, 3) == -2);
my $lengths = $object->Lengths(["a", "four", ""]);
tell_of("sends an array, gets a dictionary", keys %$lengths == 3 && $lengths->{four} == 4);
eval { $object->Refuse };
tell_of("is told of an error by name", ref $@ && $@->name eq "com.example.Sample.Error.Refused",
        "$@");

my $heard = "";
$object->connect_to_signal("Shouted", sub { $heard = shift; $reactor->shutdown; });
my $patience = $reactor->add_timeout(10000, sub { $reactor->shutdown; });
$object->Shout("loud");
$reactor->run unless $heard;
$reactor->remove_timeout($patience);
tell_of("receives a signal", $heard eq "loud", $heard);
exit($wrong ? 1 : 0);
